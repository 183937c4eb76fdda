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
