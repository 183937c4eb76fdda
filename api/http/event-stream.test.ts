import { createServer } from 'node:http'
import test from 'ava'
import type { JobEvent, NumberedEvent } from '../../actors/index.ts'
import { numberedEvent } from '../../actors/model/index.ts'
import { type PlaneStage, planeStage } from '../../test/support/api-stage.ts'
import { sendEvents } from './event-stream.ts'

/** A job of a user, as much of it as the streams look at. */
async function stagedJob({ store }: PlaneStage, state: 'running' | 'completed' = 'running', id = 'j'): Promise<void> {
  const at = '2026-01-02T03:04:05.000Z'
  const spec = { id, userId: 'u', designId: 'd', backend: 'mqtt' }
  const fields = { userId: 'u', spec, designSerial: 's', expansion: 'e', state, createdAt: at, updatedAt: at }
  const present = await store.documents.get('jobs', id)
  if (present) await store.documents.replace('jobs', id, present.version, fields)
  else await store.documents.insert('jobs', [{ id, fields }])
}

const record = ({ ask }: PlaneStage, event: JobEvent, job = 'j') =>
  ask<number>((replyTo) => ({ type: 'record-event', job, event, replyTo }))
const log = (message: string): JobEvent => ({ type: 'log', end: 'trainer-0', message })
const path = '/users/u/jobs/j'

/** Reads a stream: events by number, and comments. */
async function* eventsIn(response: Response): AsyncGenerator<NumberedEvent | 'comment', void, void> {
  let text = ''
  for await (const part of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += part
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      if (block.startsWith(':')) yield 'comment'
      else {
        const [, id, data = ''] = /^id: (\d+)\ndata: (.*)$/.exec(block) ?? []
        const event = numberedEvent.parse(JSON.parse(data))
        if (String(event.number) !== id) throw new Error(`id ${id} is that of event ${event.number}`)
        yield event
      }
    }
  }
}

async function taken(events: AsyncGenerator<NumberedEvent | 'comment', void, void>, count: number) {
  const numbers: (number | string)[] = []
  while (numbers.length < count) {
    const { done, value } = await events.next()
    if (done) break
    numbers.push(value === 'comment' ? value : value.number)
  }
  return numbers
}

test('events are sent as they come, and again after the number that was seen last', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane)
  for (const message of ['a', 'b', 'c']) await record(plane, log(message))
  const response = await fetch(`${plane.url}${path}/events`)
  t.is(response.headers.get('content-type'), 'text/event-stream')
  t.is(response.headers.get('cache-control'), 'no-store')
  const events = eventsIn(response)
  t.deepEqual(await taken(events, 3), [1, 2, 3])
  const next = taken(events, 1)
  await record(plane, log('d'))
  t.deepEqual(await next, [4])
  await events.return()
  await record(plane, log('e'))
  for (const from of [{ headers: { 'last-event-id': '2' } }, { query: '?after=2' }]) {
    const resumed = eventsIn(await fetch(`${plane.url}${path}/events${from.query ?? ''}`, from))
    t.deepEqual(await taken(resumed, 3), [3, 4, 5])
    await resumed.return()
  }
})

test('a stream ends when its job has ended and all is sent, and is answered with 204 then', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane)
  const events = eventsIn(await fetch(`${plane.url}${path}/events`))
  const all = taken(events, 100)
  for (let i = 0; i < 300; i++) await record(plane, log(`${i}`))
  await stagedJob(plane, 'completed')
  await record(plane, { type: 'state', state: 'completed' })
  t.deepEqual(
    await all.then(async (first) => [...first, ...(await taken(events, 1000))]),
    Array.from({ length: 301 }, (_, i) => i + 1),
  )
  const rest = await fetch(`${plane.url}${path}/events`, { headers: { 'last-event-id': '300' } })
  t.deepEqual(await taken(eventsIn(rest), 10), [301])
  const over = await fetch(`${plane.url}${path}/events`, { headers: { 'last-event-id': '301' } })
  t.deepEqual([over.status, await over.text()], [204, ''])
})

test('a job that has ended is followed until its last event, which may come late', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane, 'completed')
  const events = eventsIn(
    await Promise.all([fetch(`${plane.url}${path}/events`), record(plane, log('a'))]).then(([it]) => it),
  )
  t.deepEqual(await taken(events, 1), [1])
  await record(plane, { type: 'state', state: 'completed' })
  t.deepEqual(await taken(events, 5), [2])
})

test('a job that was started again is followed beyond its earlier end', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane)
  await record(plane, { type: 'state', state: 'completed' })
  const events = eventsIn(await fetch(`${plane.url}${path}/events`))
  t.deepEqual(await taken(events, 1), [1])
  const next = taken(events, 1)
  await record(plane, log('again'))
  t.deepEqual(await next, [2])
  await events.return()
})

test('without following, a stream ends with what there is', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane)
  const empty = await fetch(`${plane.url}${path}/events?follow=false`)
  t.deepEqual([empty.status, await empty.text()], [200, ''])
  for (let i = 0; i < 300; i++) await record(plane, log(`${i}`))
  const response = await fetch(`${plane.url}${path}/events?follow=false`)
  t.is((await taken(eventsIn(response), 1000)).length, 300)
})

test('logs and metrics are streams of these alone', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane)
  await record(plane, { type: 'state', state: 'running' })
  await record(plane, log('a'))
  await record(plane, { type: 'metrics', end: 'trainer-0', metrics: { loss: 1 } })
  await record(plane, { type: 'notice', end: 'trainer-0', code: 'X', message: 'x' })
  const round = { type: 'round', round: 1, metrics: {}, hash: 'h', members: [], seconds: 1 } as const
  await record(plane, round)
  const numbers = async (kind: string) => taken(eventsIn(await fetch(`${plane.url}${path}/${kind}?follow=false`)), 10)
  t.deepEqual(
    [await numbers('events'), await numbers('logs'), await numbers('metrics')],
    [
      [1, 2, 3, 4, 5],
      [2, 4],
      [3, 5],
    ],
  )
})

test('a stream without events shows that it is there', async (t) => {
  await using plane = await planeStage({ heartbeatMs: 20 })
  await stagedJob(plane)
  const events = eventsIn(await fetch(`${plane.url}${path}/events`))
  t.deepEqual(await taken(events, 3), ['comment', 'comment', 'comment'])
  await events.return()
})

test('what cannot be followed is refused before the stream begins', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane)
  const status = async (address: string, headers = {}) => (await fetch(`${plane.url}${address}`, { headers })).status
  t.is(await status('/users/u/jobs/none/events'), 404)
  t.is(await status('/users/v/jobs/j/events'), 404)
  t.is(await status(`${path}/events?follow=maybe`), 400)
  t.is(await status(`${path}/events`, { 'last-event-id': 'x' }), 400)
})

test('streams end when the server closes, and their readers go on where they were', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane)
  await record(plane, log('a'))
  const streams = await Promise.all(Array.from({ length: 20 }, () => fetch(`${plane.url}${path}/events`)))
  const ended = Promise.all(streams.map(async (response) => taken(eventsIn(response), 100)))
  plane.closing.abort()
  t.deepEqual(
    await ended,
    streams.map(() => [1]),
  )
})

test('events are read on only when those before have gone out', async (t) => {
  const large = 'x'.repeat(100_000)
  const read: { number: number; needsDrain: boolean }[] = []
  const count = 400
  const server = createServer((_, response) => {
    void sendEvents(
      response,
      {
        after: 0,
        follow: false,
        isWanted: () => true,
        async read(after) {
          if (after >= count) return []
          read.push({ number: after + 1, needsDrain: response.writableNeedDrain })
          return [{ number: after + 1, at: '2026-01-02T03:04:05.000Z', event: log(large) }]
        },
        hasEnded: async () => false,
      },
      { closing: new AbortController().signal, heartbeatMs: 60_000 },
    )
  })
  let drains = 0
  server.on('request', (_, response) => void response.on('drain', () => void drains++))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') return t.fail('it listens on a port')
  const events = taken(eventsIn(await fetch(`http://127.0.0.1:${address.port}/`)), count + 1)
  t.is((await events).length, count)
  t.is(read.length, count)
  t.true(drains > 0)
  t.deepEqual(
    read.filter(({ needsDrain }) => needsDrain),
    [],
  )
  server.close()
})

test('many followers of a job all get every event', async (t) => {
  await using plane = await planeStage()
  await stagedJob(plane)
  const responses = await Promise.all(Array.from({ length: 100 }, () => fetch(`${plane.url}${path}/events`)))
  const all = Promise.all(responses.map((response) => taken(eventsIn(response), 1000)))
  for (let i = 0; i < 50; i++) await record(plane, log(`${i}`))
  await stagedJob(plane, 'completed')
  await record(plane, { type: 'state', state: 'completed' })
  for (const numbers of await all) t.is(numbers.length, 51)
  const text = await (await fetch(`${plane.url}/metrics`)).text()
  t.regex(text, /^flame_http_streams 0$/m)
  t.regex(text, /^flame_http_requests_in_flight 1$/m)
})
