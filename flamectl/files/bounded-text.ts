import { open } from 'node:fs/promises'
import { flamectlError } from '../errors.ts'

/** The text of a file, a pipe or a device, which may have no end. FILE_LARGE; errors of the file system pass unchanged. */
export async function textOf(file: string, most: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  await using handle = await open(file)
  for await (const chunk of handle.createReadStream({ autoClose: false })) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > most) throw flamectlError('FILE_LARGE', { file, most })
    chunks.push(bytes)
  }
  return Buffer.concat(chunks).toString()
}
