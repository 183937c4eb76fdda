import { type IncomingMessage, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'
import { fetchSend, type Send } from './answer.ts'

/** Servers close idle connections after some seconds; a request must not begin on one that is about to go. */
const idleMs = 3000

const agents = {
  'http:': new PlainAgent({ keepAlive: true, timeout: idleMs }),
  'https:': new SecureAgent({ keepAlive: true, timeout: idleMs }),
}

/**
 * Sends requests by Node's own client, which moves large bodies with half the processor time of `fetch`. A redirection is
 * left to `fetch`.
 */
export const nodeSend: Send = async (given, signal) => {
  const { method, url, headers = {}, body, mayRepeat } = given
  const isSecure = url.startsWith('https:')
  // What must not be sent twice has a connection of its own: one that waited may be closed by the server meanwhile.
  const agent = mayRepeat ? agents[isSecure ? 'https:' : 'http:'] : false
  // Node says the length of a body by itself for some methods alone.
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = (isSecure ? secureRequest : plainRequest)(
      url,
      { method, headers: { ...headers, ...length }, agent, signal },
      resolve,
    )
    request.on('error', reject)
    request.end(body)
  })
  const { statusCode: status = 0 } = answer
  if (status >= 300 && status < 400 && answer.headers.location !== undefined) {
    answer.resume()
    return fetchSend()(given, signal)
  }
  const found = new Headers()
  for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined) found.set(name, String(value))
  return { status, headers: found, pieces: answer }
}
