import { startServer } from '../../api/index.ts'

/** A server in a process of its own, on a folder: `api-process <folder>`. Prints its URL. */
const [, , folder = ''] = process.argv
const { url } = await startServer({ store: { type: 'lmdb', folder }, port: 0, log: { level: 'error' } })
process.stdout.write(`${url}\n`)
