const words: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EDQUOT: 'the quota of disk space is used up',
  EEXIST: 'a file or folder of this name exists already',
  EFBIG: 'the file would exceed the allowed size',
  EIO: 'the disk fails',
  EISDIR: 'it is a folder',
  ELOOP: 'the links of the path form a circle',
  EMFILE: 'this process has too many open files',
  ENAMETOOLONG: 'the path is too long',
  ENFILE: 'too many files are open on this machine',
  ENOENT: 'there is no such file',
  ENOMEM: 'there is not enough memory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is no folder',
  EPERM: 'permission is denied',
  EROFS: 'the disk is mounted read-only',
  ERR_ACCESS_DENIED: 'a job on this server may only use its own files, and read the folders of flamectl up --data',
  ERR_FS_FILE_TOO_LARGE: 'the file is larger than the 2 GiB that can be read whole',
}

/** The system's code of a file error, such as `ENOENT`. */
export function fileErrorCode(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

/** The reason for which a file can't be read or written, in words and with the system's code. */
export function fileReason(cause: unknown): string {
  const code = fileErrorCode(cause)
  const known = code === undefined ? undefined : words[code]
  if (known !== undefined) return `${known} (${code})`
  return cause instanceof Error ? cause.message : String(cause)
}

const full: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG']
const denied: readonly string[] = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR', 'ELOOP', 'ENAMETOOLONG']

/**
 * A fault of a disk: no space; a request that isn't allowed or possible; or a disk that is broken or can't be reached.
 */
export type SystemFault = 'full' | 'denied' | 'lost'

/** Classifies a system error by its name, such as ENOSPC. Undefined for a name of another form. */
export function systemFault(name: unknown): SystemFault | undefined {
  if (typeof name !== 'string' || !/^E[A-Z\d]+$/.test(name)) return undefined
  if (full.includes(name)) return 'full'
  return denied.includes(name) ? 'denied' : 'lost'
}

/** Classifies an error that Node's file system throws. */
export function systemFaultOf(error: unknown): SystemFault | undefined {
  return systemFault(fileErrorCode(error))
}
