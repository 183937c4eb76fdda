import type { ServerResponse } from 'node:http'
import test from 'ava'
import type { NumberedEvent } from '../../actors/index.ts'
import { apiClient } from '../../api/client/index.ts'
import { json, type SeenRequest, scriptedServer } from '../../test/support/scripted-server.ts'
import { eventLine } from '../output/phrases.ts'
import { fittedTable, type JobRow, rowAfter, tableOf } from './watch-view.ts'
import { followedEvents, watchedJobs } from './watched-jobs.ts'

const at = '2026-01-02T03:04:05.000Z'
const events = (...list: readonly NumberedEvent['event'][]): NumberedEvent[] =>
  list.map((event, index) => ({ number: index + 1, at, event }))
const state = (name: 'starting' | 'running' | 'completed' | 'failed') => ({ type: 'state', state: name }) as const
const round = (number: number) =>
  ({
    type: 'round',
    round: number,
    metrics: { accuracy: number / 10, loss: 1 / number },
    hash: '0123456789abcdef0123',
    members: ['trainer-0'],
    seconds: 0.5,
  }) as const

test('a live view is no larger than the terminal, and shows what runs', (t) => {
  const rows: JobRow[] = Array.from({ length: 30 }, (_, i) => ({ id: `j${i}`, state: i === 3 ? 'running' : 'ready' }))
  const lines = fittedTable(rows, { rows: 8, columns: 20 }).split('\n')
  t.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['ID', 'j3', 'j26', 'j27', 'j28', 'j29', 'and'],
  )
  t.true(lines.every((line) => line.length <= 20))
  t.is(lines.at(-1), 'and 25 more')
  t.is(fittedTable(rows.slice(0, 2), { rows: 8, columns: 20 }).split('\n').length, 3)
})

test('what a role throws does not reach the terminal as it is', (t) => {
  const cause = { code: 'C', message: 'boom \u001b[31mRED\nsecond', hint: 'mend it' }
  t.is(
    eventLine({ number: 1, at, event: { type: 'state', state: 'failed', cause } }),
    `${at} failed: C boom \\u001b[31mRED\n  second\n  mend it`,
  )
  t.is(eventLine({ number: 1, at, event: { type: 'log', end: 'e', message: 'a\nb\u202e' } }), `${at} e: a\\nb\\u202e`)
})

/** A server whose jobs have these states and events; a stream ends with its job, as the server's do. */
function jobServer(jobs: Readonly<Record<string, { state: string; sent: readonly NumberedEvent[] }>>) {
  return scriptedServer((response: ServerResponse, { url, headers }: SeenRequest) => {
    const [, id = '', part] = /\/jobs\/?(\w*)\/?(\w*)/.exec(url) ?? []
    const job = jobs[id]
    if (id === '')
      return json(
        200,
        Object.entries(jobs).map(([id, { state }]) => ({ id, state })),
      )(response, answered)
    if (!job)
      return json(404, { code: 'JOB_NOT_FOUND', detail: `there is no job ${id}`, hint: 'look' })(response, answered)
    if (part === 'status') return json(200, { id, state: job.state })(response, answered)
    if (part === '')
      return json(200, { designId: 'd', backend: 'ws', modelSpec: { hyperparameters: { rounds: 2 } } })(
        response,
        answered,
      )
    const left = job.sent.filter(({ number }) => number > Number(headers['last-event-id'] ?? 0))
    if (left.length === 0 && job.state === 'completed') return void response.writeHead(204).end()
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of left) response.write(`id: ${event.number}\ndata: ${JSON.stringify(event)}\n\n`)
    if (url.includes('follow=false') || job.state === 'completed') response.end()
  })
}
const answered: SeenRequest = { method: '', url: '', headers: {}, body: '' }

const told = async (found: AsyncIterable<NumberedEvent>) => {
  const lines: string[] = []
  for await (const event of found) lines.push(eventLine(event).replace(`${at} `, ''))
  return lines
}

test('without following, what has happened so far is told, and no more is waited for', async (t) => {
  const sent = events(
    state('running'),
    { type: 'task', task: 'x', end: 'trainer-0', state: 'running' },
    { type: 'log', end: 'trainer-0', message: 'ready', fields: { examples: 3 } },
    { type: 'metrics', end: 'trainer-0', metrics: { norm: 2 } },
    { type: 'notice', end: 'trainer-0', code: 'SUM_VALUE', message: 'not finite' },
    { type: 'state', state: 'failed', cause: { code: 'NO_HOST', message: 'no room' } },
  )
  await using server = await jobServer({ j: { state: 'running', sent } })
  const connection = { client: apiClient({ endpoint: server.url }), user: 'u' }
  t.deepEqual(await told(followedEvents(connection, 'j', { follow: false })), [
    'running',
    'trainer-0: running',
    'trainer-0: ready examples=3',
    'trainer-0: metrics of a round: norm=2',
    'trainer-0: SUM_VALUE not finite',
    'failed: NO_HOST no room',
  ])
})

test('all jobs are watched: those under way by their events, the others by their state', async (t) => {
  await using server = await jobServer({
    a: { state: 'completed', sent: [] },
    b: { state: 'completed', sent: events(state('running'), round(1), round(2), state('completed')) },
    c: { state: 'running', sent: events(state('running'), round(1)) },
  })
  const connection = { client: apiClient({ endpoint: server.url }), user: 'u' }
  const stop = new AbortController()
  let resolve = () => {}
  const came = new Promise<void>((done) => {
    resolve = done
  })
  const all = watchedJobs(connection, undefined, stop.signal, ({ id, models }) => {
    if (id === 'c' && models?.[0]?.round === 1) resolve()
  })
  await all.look()
  await came
  t.deepEqual(tableOf(all.rows()).cells, [
    ['a', 'completed', '-', '-', '-', '-', ''],
    ['b', 'completed', '-', '-', '-', '-', ''],
    ['c', 'running', '1/2', '10.00 %', '1.0000', '0.50', ''],
  ])
  stop.abort()
  const one = watchedJobs(connection, 'b', new AbortController().signal, () => {})
  await one.look()
  await one.ended()
  t.deepEqual(tableOf(one.rows()).cells, [['b', 'completed', '2/2', '20.00 %', '0.5000', '0.50', '']])
  const none = watchedJobs(connection, 'none', new AbortController().signal, () => {})
  await t.throwsAsync(none.look(), { code: 'JOB_NOT_FOUND' })
})

test('a row keeps why its job failed until it runs again', (t) => {
  const failed: NumberedEvent['event'] = { type: 'state', state: 'failed', cause: { code: 'X', message: 'a\nb' } }
  const row: JobRow = { id: 'j', state: 'running' }
  const after = events(failed).reduce(rowAfter, row)
  t.is(after.cause, 'X a')
  t.is(events(state('starting')).reduce(rowAfter, after).cause, undefined)
})

test('a custom metric is shown as it was reported, and none that a job does not have', (t) => {
  const metrics = { mae: 0.00012, r2: 1.5, count: 123_456_789, 'train-loss': 2 }
  const event: NumberedEvent['event'] = { ...round(1), metrics }
  t.is(
    eventLine({ number: 1, at, event }),
    `${at} round 1  count 123456789  mae 0.0001200  r2 1.5000  train-loss 2.0000  1 counted  0.50 s  0123456789abcdef…`,
  )
  const rows: JobRow[] = [
    { id: 'a', state: 'running', models: [{ ...round(2), metrics: { accuracy: 0.5 } }] },
    events(event).reduce(rowAfter, { id: 'b', state: 'running' }),
  ]
  t.deepEqual(tableOf(rows), {
    head: ['ID', 'STATE', 'ROUND', 'ACCURACY', 'COUNT', 'MAE', 'R2', 'S/ROUND', 'CAUSE'],
    cells: [
      ['a', 'running', '2', '50.00 %', '-', '-', '-', '0.50', ''],
      ['b', 'running', '1', '-', '123456789', '0.0001200', '1.5000', '0.50', ''],
    ],
  })
  t.deepEqual(tableOf([{ id: 'c', state: 'ready' }]).head, ['ID', 'STATE', 'ROUND', 'S/ROUND', 'CAUSE'])
})

test('a job with several models a round has a line for each, also where the terminal is too small for all', (t) => {
  const ofPart = (part: string, number: number): NumberedEvent['event'] => ({ ...round(number), part })
  const came = [ofPart('red', 1), ofPart('blue', 1), ofPart('red', 2)] as const
  t.is(
    eventLine({ number: 1, at, event: came[0] }),
    `${at} red: round 1  accuracy 10.00 %  loss 1.0000  1 counted  0.50 s  0123456789abcdef…`,
  )
  const start: JobRow = { id: 'j', state: 'running', rounds: 3, cause: 'X' }
  const row = events(...came).reduce(rowAfter, start)
  t.deepEqual(tableOf([row, { id: 'k', state: 'ready' }]), {
    head: ['ID', 'STATE', 'PART', 'ROUND', 'ACCURACY', 'LOSS', 'S/ROUND', 'CAUSE'],
    cells: [
      ['j', 'running', 'blue', '1/3', '10.00 %', '1.0000', '0.50', 'X'],
      ['j', 'running', 'red', '2/3', '20.00 %', '0.5000', '0.50', ''],
      ['k', 'ready', '-', '-', '-', '-', '-', ''],
    ],
  })
  const small = fittedTable([row], { rows: 4, columns: 40 }).split('\n')
  t.is(small.length, 3)
  t.is(small.at(-1), 'and 1 more')
})
