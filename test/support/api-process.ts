import { startServer, storeSetting } from '../../api/index.ts'

/**
 * Program of a server: `api-process <folder or URL of its store> [folder]`. With a second folder the server runs jobs
 * itself, and stores their models there. Prints its URL.
 */
const [, , location = '', folder] = process.argv
const { url } = await startServer({
  store: storeSetting(location),
  port: 0,
  log: { level: 'error' },
  ...(folder === undefined ? {} : { inProcess: { folder, workers: 0 } }),
})
process.stdout.write(`${url}\n`)
