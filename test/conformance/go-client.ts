import { request } from 'node:http'

export interface Heard {
  readonly status: number
  readonly type: string
  readonly link: string
  /** The decoded value of a JSON body. */
  readonly body: unknown
  readonly bytes: Uint8Array
}

export interface Call {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Sends requests as the original's clients do, which are written in Go: without Accept, so that each failure is a JSON
 * string.
 */
export type GoClient = (method: string, path: string, call?: Call) => Promise<Heard>

export function goClient(url: string): GoClient {
  return async (method, path, { body, headers = {} } = {}) => {
    const sent = await encoded(body)
    return new Promise((resolve, reject) => {
      const length = sent ? { 'content-length': String(sent.bytes.length) } : {}
      const options = { method, headers: { ...length, ...sent?.headers, ...headers } }
      const outgoing = request(url + path, options, (answer) => {
        const chunks: Uint8Array[] = []
        answer.on('data', (chunk: Uint8Array) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const bytes = Buffer.concat(chunks)
          const type = answer.headers['content-type'] ?? ''
          const decoded: unknown = type === 'application/json' ? JSON.parse(bytes.toString()) : undefined
          const { statusCode: status = 0, headers: heard } = answer
          resolve({ status, type, link: String(heard.link ?? ''), body: decoded, bytes })
        })
      })
      outgoing.on('error', reject)
      outgoing.end(sent?.bytes)
    })
  }
}

async function encoded(body: unknown): Promise<{ bytes: Uint8Array; headers: Record<string, string> } | undefined> {
  if (body === undefined) return undefined
  if (!(body instanceof FormData)) {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return { bytes: Buffer.from(text), headers: { 'content-type': 'application/json' } }
  }
  const form = new Response(body)
  const headers = { 'content-type': form.headers.get('content-type') ?? '' }
  return { bytes: new Uint8Array(await form.arrayBuffer()), headers }
}
