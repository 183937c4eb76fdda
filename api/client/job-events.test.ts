import type { ServerResponse } from 'node:http'
import test from 'ava'
import type { NumberedEvent } from '../../actors/index.ts'
import { cut, json, scriptedServer } from '../../test/support/scripted-server.ts'
import { apiClient } from './client.ts'

const eventOf = (number: number): NumberedEvent => ({
  number,
  at: '2026-01-02T03:04:05.000Z',
  event: { type: 'log', end: 'trainer-0', message: `é ${number}` },
})
const lineOf = (number: number) => `id: ${number}\ndata: ${JSON.stringify(eventOf(number))}\n\n`

/** Sends events, then ends or breaks the answer off. */
const sends = (text: string, end: 'end' | 'destroy' | 'stay') => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(text, () => {
    if (end === 'end') response.end()
    if (end === 'destroy') setImmediate(() => response.destroy())
  })
}

test('events come each once and in order, however often the connection is lost', async (t) => {
  const torn = lineOf(3).slice(0, 30)
  await using server = await scriptedServer(
    sends(`: hello\n\n${lineOf(1)}${lineOf(2)}${torn}`, 'destroy'),
    cut,
    sends(lineOf(2) + lineOf(3), 'end'),
    sends(lineOf(4), 'stay'),
  )
  const numbers: number[] = []
  for await (const event of apiClient({ endpoint: server.url }).jobEvents({ user: 'u', jobId: 'j' })) {
    t.deepEqual(event, eventOf(event.number))
    numbers.push(event.number)
    if (event.number === 4) break
  }
  t.deepEqual(numbers, [1, 2, 3, 4])
  t.deepEqual(
    server.seen.map(({ url, headers }) => [url, headers['last-event-id']]),
    ['0', '2', '2', '3'].map((last) => ['/users/u/jobs/j/events', last]),
  )
})

test('a stream on which not even a sign of life comes is left, and resumed by number', async (t) => {
  const alive = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    let signs = 0
    const beat = setInterval(() => {
      signs += 1
      response.write(signs < 30 ? ': still here\n\n' : lineOf(2))
    }, 50)
    response.once('close', () => clearInterval(beat))
  }
  await using server = await scriptedServer(sends(lineOf(1), 'stay'), alive)
  const events = apiClient({ endpoint: server.url }).jobEvents({ user: 'u', jobId: 'j', silenceMs: 1000 })
  t.is((await events.next()).value?.number, 1)
  t.is((await events.next()).value?.number, 2)
  t.deepEqual(
    server.seen.map(({ headers }) => headers['last-event-id']),
    ['0', '1'],
  )
})

test('it is told once that the server is away, and once that it is back', async (t) => {
  await using server = await scriptedServer(
    sends(lineOf(1), 'destroy'),
    cut,
    cut,
    sends(lineOf(2), 'end'),
    sends(lineOf(3), 'stay'),
  )
  const told: string[] = []
  const events = apiClient({ endpoint: server.url, attempts: 1 }).jobEvents(
    { user: 'u', jobId: 'j' },
    { onAway: () => told.push('away'), onBack: () => told.push('back') },
  )
  for (const number of [1, 2, 3]) t.is((await events.next()).value?.number, number)
  t.deepEqual(told, ['away', 'back'])
  await events.return()
})

test('a job that is not there ends the reading with the refusal', async (t) => {
  await using server = await scriptedServer(
    json(404, { code: 'JOB_NOT_FOUND', detail: 'there is no job j', hint: 'look' }),
  )
  const events = apiClient({ endpoint: server.url }).jobEvents({ user: 'u', jobId: 'j', after: 7 })
  await t.throwsAsync(events.next(), { code: 'JOB_NOT_FOUND' })
  t.is(server.seen[0]?.headers['last-event-id'], '7')
})

test('events that stay out of reach are given up with the number after which they broke off', async (t) => {
  await using server = await scriptedServer(sends(lineOf(1), 'destroy'), cut)
  const events = apiClient({ endpoint: server.url, attempts: 1 }).jobEvents({ user: 'u', jobId: 'j', patienceMs: 0 })
  t.is((await events.next()).value?.number, 1)
  await t.throwsAsync(events.next(), { code: 'CLIENT_EVENTS_LOST', message: /job j broke off after number 1/ })
})

test('an event that cannot be read is an error at once', async (t) => {
  await using server = await scriptedServer(sends('id: 1\ndata: {"number":1}\n\n', 'stay'))
  const events = apiClient({ endpoint: server.url }).jobEvents({ user: 'u', jobId: 'j' })
  await t.throwsAsync(events.next(), { code: 'CLIENT_ANSWER' })
})

test('the signal ends the reading while it waits', async (t) => {
  const stop = new AbortController()
  await using server = await scriptedServer(sends(lineOf(1), 'stay'))
  const events = apiClient({ endpoint: server.url }).jobEvents({ user: 'u', jobId: 'j' }, { signal: stop.signal })
  await events.next()
  const next = events.next()
  stop.abort(new Error('enough'))
  await t.throwsAsync(next, { message: 'enough' })
})

test('events of older and newer servers are read as far as they are known', async (t) => {
  const at = '2026-01-02T03:04:05.000Z'
  const round = { type: 'round', round: 1, hash: 'h', members: [], seconds: 1 }
  const events = [
    { ...round, metrics: { loss: null, mae: 2 } },
    { type: 'privacy', epsilon: 3 },
    { type: 'state', state: 'hibernating' },
    { type: 'log', end: 'e', message: 'm', fields: { ratio: null, ends: 3 }, level: 'warn' },
    { type: 'metrics', end: 'e', metrics: { norm: null } },
    { type: 'state', state: 'completed', cause: null },
  ]
  const text = events.map((event, index) => `data: ${JSON.stringify({ number: index + 1, at, event, trace: 'x' })}\n\n`)
  await using server = await scriptedServer(sends(text.join(''), 'end'), (response) => response.writeHead(204).end())
  const found: unknown[] = []
  for await (const { number, event } of apiClient({ endpoint: server.url }).jobEvents({ user: 'u', jobId: 'j' }))
    found.push([number, event])
  t.deepEqual(found, [
    [1, { ...round, metrics: { mae: 2 } }],
    [4, { type: 'log', end: 'e', message: 'm', fields: { ends: 3 } }],
    [5, { type: 'metrics', end: 'e', metrics: {} }],
    [6, { type: 'state', state: 'completed' }],
  ])
})
