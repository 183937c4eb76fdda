import { startServer, storeSetting } from '../../api/index.ts'

/**
 * `server-process <folder or URL>`: serves, tells its parent the URL, and answers each message with its memory in
 * bytes.
 */
const [, , place = ''] = process.argv
const server = await startServer({ store: storeSetting(place), port: 0, log: { level: 'error' } })
process.on('message', () => {
  globalThis.gc?.()
  process.send?.({ type: 'memory', bytes: process.memoryUsage.rss() })
})
process.once('SIGTERM', () => void server.close().then(() => process.exit()))
process.send?.({ type: 'listening', url: server.url })
