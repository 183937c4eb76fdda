export { endOf } from './child-end.ts'
export { makeFolder } from './make-folder.ts'
export { endWithParent } from './parent-watch.ts'
export { type ServerTls, serverTls, type TlsFiles } from './tls-files.ts'
