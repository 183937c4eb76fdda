const words: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EDQUOT: 'the quota of disk space is used up',
  EEXIST: 'there is something of that name already',
  EFBIG: 'the file would be larger than is allowed',
  EIO: 'the disk fails',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead round in a circle',
  EMFILE: 'this process has too many files open',
  ENAMETOOLONG: 'the path is too long',
  ENFILE: 'too many files are open on this machine',
  ENOENT: 'there is no such file',
  ENOMEM: 'there is not enough memory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is no folder',
  EPERM: 'permission is denied',
  EROFS: 'the disk is mounted read-only',
  ERR_ACCESS_DENIED:
    'of files, a job on this server may use its own, and read the folders that flamectl up --data names',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than the 2 GiB that can be read whole',
}

/** The system's code of an error that a file gave, such as `ENOENT`. */
export function fileErrorCode(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
}

/** Why a file can't be read or written, in words and with the system's code. */
export function fileReason(cause: unknown): string {
  const code = fileErrorCode(cause)
  const known = code === undefined ? undefined : words[code]
  if (known !== undefined) return `${known} (${code})`
  return cause instanceof Error ? cause.message : String(cause)
}

const full: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG']
const denied: readonly string[] = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EISDIR', 'ELOOP', 'ENAMETOOLONG']

/** Whether a disk has no room, what is asked of it isn't allowed or possible there, or it can't be reached or is broken. */
export type SystemFault = 'full' | 'denied' | 'lost'

/** What the name of a system's error, such as ENOSPC, says of the disk that it came from; undefined if it's no such name. */
export function systemFault(name: unknown): SystemFault | undefined {
  if (typeof name !== 'string' || !/^E[A-Z\d]+$/.test(name)) return undefined
  if (full.includes(name)) return 'full'
  return denied.includes(name) ? 'denied' : 'lost'
}

/** The same of an error that Node's file system throws. */
export function systemFaultOf(error: unknown): SystemFault | undefined {
  return systemFault(fileErrorCode(error))
}
