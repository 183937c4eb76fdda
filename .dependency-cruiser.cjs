const layers = ['runtime', 'sdk', 'actors', '(api|flamelet)', 'simulations', 'flamectl', 'examples']
const upward = layers.slice(0, -1).map((layer, index) => ({
  name: `${layer.replace(/\W/g, '')}-imports-downward-only`,
  severity: 'error',
  from: { path: `^${layer}/`, pathNot: '\\.(test|contract)\\.ts$' },
  to: { path: `^(${layers.slice(index + 1).join('|')}|test|bench)/` },
}))

module.exports = {
  forbidden: [
    ...upward,
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-circular-types-in-actors',
      severity: 'error',
      comment: 'type-only imports included',
      from: { path: '^actors/' },
      to: { circular: true, viaOnly: { path: '^actors/' } },
    },
    {
      name: 'through-the-index',
      severity: 'error',
      comment: 'another top folder is imported through its index.ts',
      from: {
        path: '^(runtime|sdk|actors|api|flamelet|simulations|flamectl|examples)/',
        pathNot: '\\.(test|contract)\\.ts$',
      },
      to: { path: '^(runtime|sdk|actors|api|flamelet|simulations)/', pathNot: ['^$1/', '/index\\.ts$'] },
    },
    {
      name: 'engine-through-its-door',
      severity: 'error',
      comment: 'what the rest of sdk needs of the engine is in sdk/engine/index.ts',
      from: { path: '^(?!bench/)', pathNot: '(^sdk/engine/|\\.(test|contract)\\.ts$)' },
      to: { path: '^sdk/engine/', pathNot: '^sdk/engine/index\\.ts$' },
    },
    {
      name: 'learn-below-engine-below-layers',
      severity: 'error',
      comment: 'a learner of layers models takes the engine, which takes the port of learners',
      from: { path: '^sdk/(learn|engine)/', pathNot: '\\.(test|contract)\\.ts$' },
      to: { path: '^sdk/layers/' },
    },
    {
      name: 'nact-in-one-file',
      severity: 'error',
      from: { pathNot: '^(runtime/kernel/dispatcher\\.ts|bench/)' },
      to: { path: 'node_modules/nact/' },
    },
    {
      name: 'restify-in-one-file',
      severity: 'error',
      from: { pathNot: '^(api/http/rest-server\\.ts|bench/)' },
      to: { path: '(node_modules/(@types/)?|^)restify(/|$)' },
    },
    {
      name: 'tsyringe-in-composition-roots',
      severity: 'error',
      from: { pathNot: 'compose\\.ts$' },
      to: { path: 'node_modules/(tsyringe|reflect-metadata)/' },
    },
    {
      name: 'browser-safe',
      severity: 'error',
      comment: 'runtime/ and sdk/ run in a browser, but for files whose folder or name says so',
      from: {
        path: '^(runtime|sdk)/',
        pathNot: '(/node/|/load/|/threads/|/lmdb/|/mongodb/|node-|-worker\\.ts$|\\.test\\.ts$|\\.contract\\.ts$)',
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'not-to-dev-dependency',
      severity: 'error',
      from: { path: '^(runtime|sdk|actors|api|flamectl)/', pathNot: '\\.(test|contract)\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
