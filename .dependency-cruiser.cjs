const layers = ['runtime', 'sdk', 'actors', '(api|flamelet)', 'simulations', 'flamectl', 'examples']

/** The rooms of a layer, from below: a room imports rooms before it alone. */
const rooms = {
  runtime: ['decoding', 'errors', 'packing', 'node', 'kernel', 'durable', 'link'],
  sdk: [
    ...['weights', 'random', 'tag', 'data', 'registry', 'sum', 'formats', 'learn', 'engine', 'layers'],
    ...['strategy', 'role', 'workload', 'training', 'host', 'testing', 'node'],
  ],
}

/** Folders whose index.ts is the only door, within their layer too. A side door lets the files of `from` import the files of `to`. */
const doors = [
  { folder: 'runtime/errors', from: '^runtime/', to: '(coded-error|file-reason)' },
  { folder: 'runtime/node' },
  { folder: 'runtime/link', from: '^(actors|api|flamelet|flamectl|bench)/', to: '(ws|mqtt|pipe)/index' },
  { folder: 'runtime/node/faults' },
  { folder: 'runtime/link/ws' },
  { folder: 'runtime/link/mqtt' },
  { folder: 'runtime/link/pipe' },
  { folder: 'runtime/durable/lmdb' },
  { folder: 'runtime/durable/mongodb' },
  { folder: 'runtime/durable/indexeddb' },
  { folder: 'sdk/tag', from: '^sdk/', to: '(errors|expand|gossip-graph|picture|schema|topologies|topology|validate)' },
  { folder: 'sdk/formats', from: '^sdk/layers/', to: 'npz-weights' },
  { folder: 'sdk/engine', from: '^bench/', to: '.*' },
  {
    folder: 'sdk/workload/load',
    from: '^sdk/(node|training/threads)/',
    to: '(import-.*|load-workload|workload-bundle)',
  },
  { folder: 'sdk/host' },
  { folder: 'sdk/testing' },
  { folder: 'actors/model', from: '^actors/', to: '.*' },
  { folder: 'api/client' },
  { folder: 'flamelet/browser' },
]

const notTests = '\\.(test|contract)\\.ts$'

/** Each of some folders imports none of those after it. */
function downwards(names, within) {
  return names.slice(0, -1).map((name, index) => ({
    name: `${within}${name.replace(/\W/g, '')}-imports-downward-only`,
    severity: 'error',
    from: { path: `^${within}${name}/`, pathNot: notTests },
    to: { path: `^${within}(${names.slice(index + 1).join('|')})/` },
  }))
}

/** Other folders import a folder's index.ts alone; the files of `from` also those of `to`. */
function throughDoor({ folder, from, to }) {
  const name = folder.replaceAll('/', '-')
  const door = `^${folder}/index\\.ts$`
  const entries = from ? [from] : []
  return [
    {
      name: `${name}-through-its-door`,
      severity: 'error',
      from: { pathNot: [`^${folder}/`, '^test/', notTests, ...entries] },
      to: { path: `^${folder}/`, pathNot: door },
    },
    ...entries.map((path) => ({
      name: `${name}-through-its-side-door`,
      severity: 'error',
      from: { path, pathNot: [`^${folder}/`, notTests] },
      to: { path: `^${folder}/`, pathNot: [door, `^${folder}/${to}\\.ts$`] },
    })),
  ]
}

module.exports = {
  forbidden: [
    ...downwards(layers, ''),
    {
      name: 'no-tests-in-the-product',
      severity: 'error',
      from: { path: `^(${layers.join('|')})/`, pathNot: notTests },
      to: { path: '^(test|bench)/' },
    },
    ...Object.entries(rooms).flatMap(([layer, names]) => downwards(names, `${layer}/`)),
    ...doors.flatMap(throughDoor),
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'neither of modules nor of types; .dependency-cruiser.folders.cjs says so of folders',
      from: {},
      to: { circular: true },
    },
    {
      name: 'through-the-index',
      severity: 'error',
      comment:
        "another top folder is imported through its index.ts; the flamelets' protocol, which pages need, by itself",
      from: {
        path: '^(runtime|sdk|actors|api|flamelet|simulations|flamectl|examples)/',
        pathNot: '\\.(test|contract)\\.ts$',
      },
      to: {
        path: '^(runtime|sdk|actors|api|flamelet|simulations)/',
        pathNot: ['^$1/', '/index\\.ts$', '^actors/flamelets/protocol\\.ts$'],
      },
    },
    {
      name: 'nact-in-one-file',
      severity: 'error',
      from: { pathNot: '^(runtime/kernel/(dispatcher|bundled-nact)\\.ts|bench/)' },
      to: { path: 'node_modules/nact/' },
    },
    {
      name: 'restify-in-one-file',
      severity: 'error',
      from: { pathNot: '^(api/http/bundled-restify\\.ts|bench/)' },
      to: { path: '(node_modules/(@types/)?|^)restify(/|$)' },
    },
    {
      name: 'mongodb-in-one-file',
      severity: 'error',
      comment: 'tests look at the database by a driver of their own',
      from: { pathNot: ['^runtime/durable/mongodb/bundled-driver\\.ts$', notTests, '^(test|bench)/'] },
      to: { path: 'node_modules/(mongodb|bson)/' },
    },
    ...['mqtt', 'aedes'].map((name) => ({
      name: `${name}-in-one-file`,
      severity: 'error',
      from: { pathNot: [`^runtime/link/mqtt/bundled-${name}\\.ts$`, notTests, '^(test|bench)/'] },
      to: { path: `node_modules/${name}/` },
    })),
    {
      name: 'tsyringe-in-composition-roots',
      severity: 'error',
      from: { pathNot: '-root\\.ts$' },
      to: { path: 'node_modules/(tsyringe|reflect-metadata)/' },
    },
    {
      name: 'browser-safe',
      severity: 'error',
      comment: 'runtime/, sdk/ and flamelet/browser/ run in a browser, but for files whose folder or name says so',
      from: {
        path: '^(runtime|sdk|flamelet/browser)/',
        pathNot:
          '(/node/|/load/|/threads/|/lmdb/|/mongodb/|/mqtt/|node-|-worker\\.ts$|\\.test\\.ts$|\\.contract\\.ts$)',
      },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'not-to-dev-dependency',
      severity: 'error',
      comment: 'a development dependency that the product needs is bundled, by a file bundled-*.ts',
      from: { path: '^(runtime|sdk|actors|api|flamelet|flamectl)/', pathNot: ['/bundled-[^/]+\\.ts$', notTests] },
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
