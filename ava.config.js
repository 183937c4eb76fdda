export default {
  files: ['{runtime,sdk,actors,api,flamelet,simulations,flamectl,test}/**/*.test.ts'],
  workerThreads: false,
  timeout: '5m',
  typescript: {
    compile: false,
    rewritePaths: {
      'runtime/': 'dist/runtime/',
      'sdk/': 'dist/sdk/',
      'actors/': 'dist/actors/',
      'api/': 'dist/api/',
      'flamelet/': 'dist/flamelet/',
      'simulations/': 'dist/simulations/',
      'flamectl/': 'dist/flamectl/',
      'test/': 'dist/test/',
    },
  },
}
