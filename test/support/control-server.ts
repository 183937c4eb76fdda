import { startServer, storeSetting } from '../../api/index.ts'

/**
 * A process that is a control plane on a store, and runs jobs itself: `control-server <folder or URL> <folder of models>`.
 * Prints where it listens.
 */
const [, , place = '', folder = ''] = process.argv
const server = await startServer({
  store: storeSetting(place),
  inProcess: { folder, workers: 0 },
  port: 0,
  log: { level: 'error' },
})
process.stdout.write(`${server.url}\n`)
