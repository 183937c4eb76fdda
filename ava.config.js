export default {
  files: ['{runtime,sdk,actors,flamectl,test}/**/*.test.ts'],
  workerThreads: false,
  timeout: '5m',
  typescript: {
    compile: false,
    rewritePaths: {
      'runtime/': 'dist/runtime/',
      'sdk/': 'dist/sdk/',
      'actors/': 'dist/actors/',
      'flamectl/': 'dist/flamectl/',
      'test/': 'dist/test/',
    },
  },
}
