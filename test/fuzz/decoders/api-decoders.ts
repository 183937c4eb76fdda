import { Readable } from 'node:stream'
import fc from 'fast-check'
import { bearerGate } from '../../../api/auth/gate.ts'
import { keysIn } from '../../../api/auth/key-file.ts'
import { issueToken } from '../../../api/auth/tokens.ts'
import { eventsOf } from '../../../api/client/codec.ts'
import { readJson } from '../../../api/http/body.ts'
import { excludedIn, idempotencyKeyIn, isKnown, matchesIn, rangeIn } from '../../../api/http/conditions.ts'
import { readForm } from '../../../api/http/form.ts'
import { foreignSource, hostOf } from '../../../api/http/origins.ts'
import { problemBody, problemOf } from '../../../api/http/problem.ts'
import { decodeQuery } from '../../../api/http/query.ts'
import { addressOf } from '../../../api/http/rest-server.ts'
import { operations } from '../../../api/operations/operations.ts'
import { type Decoder, decoder } from './decoder.ts'
import { mutatedBytes, mutatedJson, mutatedText } from './mutations.ts'
import { bodies } from './samples.ts'

const limits = { bytes: 48 * 1024, stallMs: 10_000 }
const refusal = /^(API|MODEL|FIELD|NAME|TAG)_/

/** The chunks of a body as a connection delivers them, cut at random indexes. */
function sent(bytes: Uint8Array, cuts: readonly number[], headers: Readonly<Record<string, string>>) {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  const chunks = places.slice(1).map((to, index) => Buffer.from(bytes.subarray(places[index], to)))
  const body = Readable.from(chunks.filter((chunk) => chunk.length > 0))
  const iterator = (options?: { destroyOnReturn?: boolean }) => body.iterator(options)
  return { headers, iterator, complete: false, readableLength: 0, read: () => null }
}
/** An answer whose body comes in random chunks. */
function streamed(chunks: AsyncIterator<Uint8Array>): Response {
  return new Response(
    new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
    }),
  )
}
const cuts = fc.array(fc.nat(2 ** 31 - 1), { maxLength: 4 })

const boundary = 'x-boundary'
const forms = [
  `--${boundary}\r\nContent-Disposition: form-data; name="fileName"\r\n\r\ncode.zip\r\n--${boundary}\r\nContent-Disposition: form-data; name="fileData"; filename="c.zip"\r\nContent-Type: application/zip\r\n\r\nPK\x05\x06\r\n--${boundary}--\r\n`,
  `preamble\n--${boundary} \r\nContent-Disposition: form-data; name=a; filename*=UTF-8''%e2%82%ac\r\nContent-Transfer-Encoding: 8bit\r\n\r\nb\r\n--${boundary}--\r\nepilogue`,
].map((text) => new Uint8Array(Buffer.from(text, 'latin1')))

const etags = [
  '"a"',
  'W/"a", "b"',
  '*',
  'bytes=0-9',
  'bytes=-5',
  'bytes=5-',
  'bytes=0-1,3-4',
  'key-1',
  'application/json;q=0, */*',
]
const names = ['host', 'origin', 'range', 'if-range', 'if-match', 'if-none-match', 'idempotency-key', 'accept'] as const
const hosts = ['127.0.0.1:10100', 'localhost', '[::1]:80', 'example.org', 'http://localhost:80']
const header = mutatedText([...etags, ...hosts])

const queries = operations.map(({ query }) => query)
const addresses = [
  '/users/u/designs?limit=10&after=d',
  '/a?key=k&acknowledged=3&waitMs=10',
  '/b?forceDelete=true&state=ready',
]

const event = (number: number, value: object) =>
  `id: ${number}\ndata: ${JSON.stringify({ number, at: '2026', event: value })}\n\n`
const streams = [
  event(1, { type: 'state', state: 'running' }),
  `: still here\n\n${event(2, { type: 'round', round: 1, metrics: { loss: 1 }, hash: 'ab', members: ['a'], seconds: 1 })}`,
  event(3, { type: 'log', end: 'a', message: 'b', fields: { c: 1 } }),
].map((text) => new Uint8Array(Buffer.from(text)))

/** Decoders of requests, and of answers to the client. */
export async function apiDecoders(keyFile: string): Promise<readonly Decoder[]> {
  const token = await issueToken({ keyFile, user: 'u', scopes: ['user'], seconds: 3600 })
  await keysIn(keyFile)
  const gate = await bearerGate({ keyFile })
  const [head = '', claims = '', signature = ''] = token.split('.')
  return [
    decoder(
      'form',
      fc.tuple(
        mutatedBytes(forms),
        mutatedText([`multipart/form-data; boundary=${boundary}`, `multipart/form-data; boundary="${boundary}"`]),
        fc.boolean(),
        cuts,
      ),
      ([bytes, type, isUsual, places]) =>
        readForm(
          sent(bytes, places, { 'content-type': isUsual ? `multipart/form-data; boundary=${boundary}` : type }),
          limits,
          ['fileData'],
        ),
      refusal,
    ),
    decoder(
      'json',
      fc.tuple(
        mutatedText(
          Object.values(bodies)
            .flat()
            .map((body) => JSON.stringify(body)),
        ),
        cuts,
      ),
      ([text, places]) => readJson(sent(Buffer.from(text), places, { 'content-type': 'application/json' }), limits),
      refusal,
    ),
    decoder(
      'headers',
      fc.dictionary(fc.constantFrom(...names), header),
      (headers: Readonly<Record<string, string>>) => {
        problemBody(problemOf(new Error('a')), headers.accept)
        foreignSource(hostOf({ headers, rawHeaders: Object.entries(headers).flat() }), headers, [])
        matchesIn(headers)
        excludedIn(headers)
        isKnown(headers, '"a"')
        idempotencyKeyIn(headers)
        return rangeIn(headers, { sizeBytes: 100, tag: '"a"' })
      },
      refusal,
    ),
    decoder(
      'query',
      fc.tuple(mutatedText(addresses), fc.nat(queries.length - 1)),
      ([url, which]) => {
        const { searchParams } = addressOf({ url })
        const model = queries[which]
        return model && decodeQuery(model, Object.fromEntries(searchParams))
      },
      refusal,
    ),
    decoder(
      'token',
      fc.oneof(
        mutatedText([`Bearer ${token}`, `bearer  ${token}`, 'Bearer a.b.c'], [head, claims, signature, '.', 'Bearer ']),
        mutatedJson([JSON.parse(Buffer.from(head, 'base64url').toString())]).map(
          (made) => `Bearer ${Buffer.from(JSON.stringify(made)).toString('base64url')}.${claims}.${signature}`,
        ),
      ),
      (authorization) => gate.admit({ authorization }),
      refusal,
    ),
    decoder(
      'event-stream',
      fc.tuple(mutatedBytes(streams), cuts),
      async ([bytes, places]) => {
        const chunks = sent(bytes, places, {}).iterator()
        const events = []
        for await (const each of eventsOf(streamed(chunks))) events.push(each)
        return events
      },
      /^CLIENT_/,
    ),
  ]
}
