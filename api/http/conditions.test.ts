import test from 'ava'
import { zipSync } from 'fflate'
import { apiStage, codeForm } from '../../test/support/api-stage.ts'

const code = '/users/u/designs/d/code'
/** More than a chunk of the store, that can't be compressed. */
const bytes = zipSync(
  { 'trainer/x.bin': Uint8Array.from({ length: 700_000 }, (_, i) => (i * 2_654_435_761) >>> 13) },
  { level: 0 },
)
const size = bytes.length

const ranges: readonly [string, number, number][] = [
  ['bytes=0-0', 0, 0],
  ['bytes=0-9', 0, 9],
  ['bytes=262143-262144', 262_143, 262_144],
  ['bytes=100-', 100, size - 1],
  ['bytes=-5', size - 5, size - 1],
  [`bytes=-${size * 2}`, 0, size - 1],
  [`bytes=600000-${size * 2}`, 600_000, size - 1],
]
const whole = ['bytes=0-1,5-6', 'items=0-1', 'bytes=9-1', 'bytes=-', 'bytes=a-b']
const outside = [`bytes=${size}-`, `bytes=${size}-${size + 1}`, 'bytes=-0']

/** Quicker than a comparison that can tell the difference. */
function areBytes(found: unknown, expected: Uint8Array): boolean {
  return found instanceof Uint8Array && Buffer.compare(found, expected) === 0
}

test('a range of code is sent alone, and what is no range is answered with the whole', async (t) => {
  await using api = await apiStage('lmdb')
  await api.call('POST', '/users/u/designs', { id: 'd' })
  await api.call('POST', code, codeForm(bytes))
  for (const [range, first, last] of ranges) {
    const heard = await api.call('GET', code, undefined, { range })
    t.is(heard.status, 206, range)
    t.is(heard.headers.get('content-range'), `bytes ${first}-${last}/${size}`)
    t.is(heard.headers.get('content-length'), String(last - first + 1))
    t.true(areBytes(heard.body, bytes.subarray(first, last + 1)), range)
  }
  for (const range of whole) {
    const heard = await api.call('GET', code, undefined, { range })
    t.is(heard.status, 200, range)
    t.is(heard.headers.get('accept-ranges'), 'bytes')
    t.true(areBytes(heard.body, bytes), range)
  }
  for (const range of outside) {
    const heard = await api.call('GET', code, undefined, { range })
    t.like(heard, { status: 416, body: { code: 'API_RANGE' } }, range)
    t.is(heard.headers.get('content-range'), `bytes */${size}`)
  }
})

test('a range of code that was replaced meanwhile is answered with the whole of the new one', async (t) => {
  await using api = await apiStage('memory')
  await api.call('POST', '/users/u/designs', { id: 'd' })
  await api.call('POST', code, codeForm(bytes))
  const first = await api.call('GET', code, undefined, { range: 'bytes=0-9' })
  const condition = { range: 'bytes=10-', 'if-range': first.headers.get('etag') ?? '' }
  t.is((await api.call('GET', code, undefined, condition)).status, 206)
  await api.call('PUT', code, codeForm(bytes))
  const heard = await api.call('GET', code, undefined, condition)
  t.is(heard.status, 200)
  t.true(areBytes(heard.body, bytes))
})
