export default {
  files: ['{runtime,sdk,actors,api,simulations,flamectl,test}/**/*.test.ts'],
  workerThreads: false,
  timeout: '5m',
  typescript: {
    compile: false,
    rewritePaths: {
      'runtime/': 'dist/runtime/',
      'sdk/': 'dist/sdk/',
      'actors/': 'dist/actors/',
      'api/': 'dist/api/',
      'simulations/': 'dist/simulations/',
      'flamectl/': 'dist/flamectl/',
      'test/': 'dist/test/',
    },
  },
}
