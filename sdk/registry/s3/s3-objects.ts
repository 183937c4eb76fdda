import { bodyOf, textOf } from '../http/answer.ts'
import { elementsIn, type S3Client, sha256Of } from './s3-client.ts'

/** Objects of more bytes are sent in parts. */
export const partBytes = 8 * 2 ** 20
/** S3's own limit. */
const mostParts = 10_000
/** Parts under way at the same time. */
const partsAtOnce = 4

export interface ObjectToPut {
  readonly key: string
  readonly bytes: Uint8Array
  readonly type: string
  /** SHA-256 of the bytes in hexadecimal, if known. */
  readonly sha256?: string
}

/**
 * Writes an object, whole or not at all. The server checks the SHA-256 of each body, and keeps the SHA-256 with the
 * object. A large object is sent in parts; when a part fails, those that were sent are removed.
 */
export async function putObject(client: S3Client, { key, bytes, type, sha256 }: ObjectToPut): Promise<void> {
  const headers = { 'content-type': type }
  if (bytes.length > partBytes) return putInParts(client, key, bytes, headers)
  const body = bodyOf(bytes)
  const hash = sha256 ?? (await sha256Of(body))
  const checked = { ...headers, 'x-amz-checksum-sha256': base64Of(hash) }
  await client.send({ method: 'PUT', key, headers: checked, body, sha256: hash })
}

async function putInParts(
  client: S3Client,
  key: string,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  await abortUploads(client, key)
  const begun = await client.send({
    method: 'POST',
    key,
    query: { uploads: '' },
    headers: { ...headers, 'x-amz-checksum-algorithm': 'SHA256' },
    mayRepeat: false,
  })
  const [uploadId = ''] = begun ? elementsIn(textOf(begun), 'UploadId') : []
  const size = Math.max(partBytes, Math.ceil(bytes.length / mostParts))
  const count = Math.ceil(bytes.length / size)
  const parts: string[] = []
  let next = 0
  const sendParts = async () => {
    while (next < count) {
      const index = next++
      const body = bodyOf(bytes.subarray(index * size, (index + 1) * size))
      const sha256 = await sha256Of(body)
      const checksum = base64Of(sha256)
      const query = { partNumber: String(index + 1), uploadId }
      const sent = await client.send({
        ...{ method: 'PUT', key, query, body, sha256 },
        headers: { 'x-amz-checksum-sha256': checksum },
      })
      const tag = sent?.headers.get('etag') ?? ''
      parts[index] =
        `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag.replaceAll('"', '&quot;')}</ETag>` +
        `<ChecksumSHA256>${checksum}</ChecksumSHA256></Part>`
    }
  }
  try {
    const ended = await Promise.allSettled(Array.from({ length: Math.min(partsAtOnce, count) }, sendParts))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
    const body = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
    await client.send({ method: 'POST', key, query: { uploadId }, body, mayRepeat: false })
  } catch (error) {
    // Where the server can't be reached, the next upload to this key removes the parts.
    await abortUpload(client, key, uploadId).catch(() => {})
    throw error
  }
}

/** Removes the parts that interrupted uploads to a key have left. */
async function abortUploads(client: S3Client, key: string): Promise<void> {
  const listed = await client.send({ method: 'GET', query: { uploads: '', prefix: key } })
  const xml = listed ? textOf(listed) : ''
  const [keys, ids] = [elementsIn(xml, 'Key'), elementsIn(xml, 'UploadId')]
  for (const [index, id] of ids.entries()) if (keys[index] === key) await abortUpload(client, key, id)
}

async function abortUpload(client: S3Client, key: string, uploadId: string): Promise<void> {
  await client.send({ method: 'DELETE', key, query: { uploadId } })
}

/** The bytes of an object, or undefined if the object doesn't exist. */
export async function getObject(client: S3Client, key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return (await client.send({ method: 'GET', key }))?.bytes
}

export async function removeObject(client: S3Client, key: string): Promise<void> {
  await client.send({ method: 'DELETE', key })
}

/** The keys that begin with a prefix, in the order of their bytes. */
export async function keysWith(client: S3Client, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for (let token: string | undefined = ''; token !== undefined; ) {
    const query = { 'list-type': '2', 'encoding-type': 'url', prefix, ...(token && { 'continuation-token': token }) }
    const listed = await client.send({ method: 'GET', query })
    const xml = listed ? textOf(listed) : ''
    // Some servers don't know the encoding, which keys need that XML can't hold.
    const isEncoded = elementsIn(xml, 'EncodingType')[0] === 'url'
    for (const key of elementsIn(xml, 'Key')) keys.push(isEncoded ? decodeURIComponent(key.replaceAll('+', ' ')) : key)
    const isWhole = elementsIn(xml, 'IsTruncated')[0] !== 'true'
    token = isWhole ? undefined : elementsIn(xml, 'NextContinuationToken')[0]
  }
  return keys
}

function base64Of(hexadecimal: string): string {
  const bytes = hexadecimal.match(/../g)?.map((byte) => String.fromCharCode(Number.parseInt(byte, 16))) ?? []
  return btoa(bytes.join(''))
}
