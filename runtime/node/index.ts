export { makeFolder } from './make-folder.ts'
export { type ServerTls, serverTls, type TlsFiles } from './tls-files.ts'
