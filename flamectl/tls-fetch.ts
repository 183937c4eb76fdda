import { type IncomingMessage, request as sendPlain } from 'node:http'
import { Agent, request as sendByTls } from 'node:https'
import { Readable } from 'node:stream'

/** PEM texts for connections to a server. */
export interface ClientTls {
  /** Authorities that the server's certificate may come from, instead of those that Node knows. */
  readonly ca?: string
  /** The client's own certificate and key, for a server that asks for one. */
  readonly cert?: string
  readonly key?: string
}

const withoutContent: readonly number[] = [204, 205, 304]

/**
 * A `fetch` over https with authorities of one's own, which Node's fetch knows for a whole process alone. An address of
 * http is asked without TLS.
 */
export function tlsFetch(tls: ClientTls): typeof fetch {
  const agent = new Agent({ ...tls, keepAlive: true })
  return async (input, init) => {
    const request = new Request(input, init)
    const { url, method, signal } = request
    const headers = Object.fromEntries(request.headers)
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
    return new Promise((resolve, reject) => {
      const failed = (cause: unknown) =>
        reject(signal.aborted ? signal.reason : new TypeError('fetch failed', { cause }))
      const take = (answer: IncomingMessage) => {
        const { statusCode: status = 0, headersDistinct } = answer
        const told = new Headers()
        for (const [name, values = []] of Object.entries(headersDistinct))
          for (const value of values) told.append(name, value)
        if (withoutContent.includes(status)) answer.resume()
        resolve(new Response(withoutContent.includes(status) ? null : bodyOf(answer), { status, headers: told }))
      }
      const sent = url.startsWith('https:')
        ? sendByTls(url, { method, headers, signal, agent }, take)
        : sendPlain(url, { method, headers, signal }, take)
      sent.on('error', failed)
      sent.end(body)
    })
  }
}

/** The rest of an answer as a web stream that ends with the answer, and breaks off with its connection. */
function bodyOf(answer: Readable): ReadableStream<Uint8Array> {
  const chunks = answer[Symbol.asyncIterator]()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(Uint8Array.from(value))
    },
    async cancel() {
      answer.destroy()
    },
  })
}
