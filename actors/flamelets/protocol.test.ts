import test from 'ava'
import { actorSystem } from '../../runtime/index.ts'
import { decodeDrainAnswer, decodeFlameletMessage, decodeRegisterAnswer } from './protocol.ts'

const registration = {
  name: 'site-a',
  realm: 'eu',
  datasets: [{ name: 'scans', url: 'file:///scans' }],
  mostTasks: 4,
  platform: { runtime: 'node 22.13.0', system: 'linux', arch: 'x64', cores: 2 },
  hosted: [{ job: 'j', run: 'j~1', ends: ['trainer-0'] }],
}

test('a registration is decoded with the refs that it hands over, and nothing more', async (t) => {
  const system = actorSystem()
  const ref = system.spawn<unknown>('site', () => () => {})
  const given = { type: 'register', registration, site: ref, replyTo: ref }
  t.deepEqual(decodeFlameletMessage({ ...given, more: 1, registration: { ...registration, rights: 'all' } }), given)
  for (const wrong of [
    { ...given, site: 'site' },
    { ...given, registration: { ...registration, name: '' } },
    { ...given, registration: { ...registration, name: 'x'.repeat(1025) } },
    { ...given, registration: { ...registration, mostTasks: -1 } },
    { ...given, registration: { ...registration, hosted: [{ job: 'j' }] } },
    { ...given, registration: { ...registration, datasets: Array.from({ length: 1001 }, () => ({ name: 'd' })) } },
    { ...given, registration: { ...registration, platform: {} } },
    { ...given, type: 'gone' },
  ])
    t.is(decodeFlameletMessage(wrong), undefined)
  await system.terminate()
})

test('progress, drains and lines for the log are decoded within their bounds', async (t) => {
  const system = actorSystem()
  const replyTo = system.spawn<unknown>('asker', () => () => {})
  for (const message of [
    { type: 'progress', hosted: registration.hosted, residentBytes: 1 },
    { type: 'drain', replyTo },
    { type: 'log', level: 'warn', text: 'low battery', job: 'j' },
  ])
    t.deepEqual(decodeFlameletMessage(message), message)
  const long = decodeFlameletMessage({ type: 'log', level: 'info', text: 'x'.repeat(10_000) })
  t.deepEqual(long, { type: 'log', level: 'info', text: 'x'.repeat(4096) })
  for (const wrong of [
    { type: 'progress' },
    { type: 'drain' },
    { type: 'log', level: 'loud', text: '' },
    null,
    [],
    'x',
  ])
    t.is(decodeFlameletMessage(wrong), undefined)
  await system.terminate()
})

test('a flamelet decodes the answers of its server', (t) => {
  const registered = { type: 'registered', server: 'control-plane', compute: 'site-a' }
  t.deepEqual(decodeRegisterAnswer(registered), registered)
  const cause = new Error('the name is taken')
  t.deepEqual(decodeRegisterAnswer({ type: 'refused', cause }), { type: 'refused', cause })
  t.is(decodeRegisterAnswer({ type: 'refused', cause: 'no' }), undefined)
  t.deepEqual(decodeDrainAnswer({ type: 'drained' }), { type: 'drained' })
  t.is(decodeDrainAnswer({ type: 'registered' }), undefined)
})
