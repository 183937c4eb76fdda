import { startServer, storeSetting } from '../../api/index.ts'

/**
 * `server-process <folder or URL>`: serves, tells its parent the URL, and answers each message with its memory in
 * bytes.
 */
const [, , location = ''] = process.argv
const server = await startServer({ store: storeSetting(location), port: 0, log: { level: 'error' } })
process.on('message', () => {
  globalThis.gc?.()
  process.send?.({ type: 'memory', bytes: process.memoryUsage.rss() })
})
process.once('SIGTERM', () => void server.close().then(() => process.exit()))
process.send?.({ type: 'listening', url: server.url })
