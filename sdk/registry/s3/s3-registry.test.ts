import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import test from 'ava'
import { faultProxy } from '../../../runtime/node/faults/index.ts'
import { interruptedCommits, interruptedFetch } from '../../../test/support/interrupted-fetch.ts'
import { type S3Server, s3Key, s3Server } from '../../../test/support/s3-server.ts'
import { fetchSend, type Send, textOf } from '../http/answer.ts'
import { nodeSend } from '../http/node-send.ts'
import { largeModel, modelOf, registryContract } from '../registry.contract.ts'
import { s3Address } from './s3-address.ts'
import { elementsIn, type S3ClientSettings, s3Client } from './s3-client.ts'
import { partBytes } from './s3-objects.ts'
import { s3Registry } from './s3-registry.ts'

let server: S3Server
test.before(async () => {
  server = await s3Server()
})
test.after.always(() => server?.[Symbol.asyncDispose]())

let prefixes = 0
const newPrefix = () => `of tests+/${prefixes++}`
interface Opening extends Partial<S3ClientSettings> {
  readonly prefix?: string
  readonly endpoint?: string
  readonly bucket?: string
}

function addressOf({ prefix = newPrefix(), endpoint = server.url, bucket = 'models' }: Opening) {
  return s3Address(`s3://${bucket}/${encodeURIComponent(prefix)}?endpoint=${encodeURIComponent(endpoint)}`)
}

function opened(opening: Opening = {}) {
  return s3Registry(addressOf(opening), { credentials: () => s3Key, pausesMs: [], ...opening })
}

registryContract(test, async () => opened({ send: nodeSend }), {
  interrupted: (...models) => interruptedCommits(models, newPrefix, opened),
})

test('the objects have names that a person can read, and bytes that TensorFlow.js loads', async (t) => {
  const prefix = newPrefix()
  const registry = opened({ prefix })
  const model = await modelOf(12)
  await registry.commit(model)
  await registry.commit(await modelOf(3, { part: 'eu/west' }))
  const folder = join(server.bucketFolder('models'), prefix, 'pairs-1')
  t.deepEqual(readdirSync(folder).toSorted(), ['part-eu%2Fwest', 'round-000012'])
  t.deepEqual(readdirSync(join(folder, 'part-eu%2Fwest')), ['round-000003'])
  t.deepEqual(readdirSync(join(folder, 'round-000012')).toSorted(), ['model.json', 'round.json', 'weights.bin'])
  t.is(JSON.parse(readFileSync(join(folder, 'round-000012/round.json'), 'utf8')).hash, model.hash)
  t.is(
    (await registry.describe('pairs-1', 12)).location,
    `s3://models/${prefix}/pairs-1/round-000012 at 127.0.0.1:${server.port}`,
  )
})

test('a model larger than a part is sent in parts, and nothing of the upload is left', async (t) => {
  const prefix = newPrefix()
  const registry = opened({ prefix })
  for (const bytes of [partBytes, 2 * partBytes + 4]) {
    const model = await largeModel(bytes)
    await registry.commit(model)
    const { weights } = await registry.load('pairs-1', 1)
    t.true(Buffer.from(weights.buffer).equals(Buffer.from(model.weights.buffer)))
  }
})

test('an upload in parts that was interrupted is completed by the next commit, which removes the former parts', async (t) => {
  const prefix = newPrefix()
  const model = await largeModel(partBytes + 4)
  let kills = 0
  for (let whole = 1, isOver = true; isOver; whole++) {
    const killed = interruptedFetch(whole)
    const registry = opened({ prefix, send: killed.send })
    await registry.remove('pairs-1', 1).catch(() => {})
    await registry.commit(model).catch(() => {})
    isOver = killed.isOver
    kills += isOver ? 1 : 0
    const found = await opened({ prefix }).list('pairs-1')
    // The answer to the last request, which makes the round visible, may be lost.
    if (found.length > 0) t.is((await opened({ prefix }).load('pairs-1', 1)).hash, model.hash, `${whole} requests`)
  }
  t.true(kills > 6)
  t.is((await opened({ prefix }).load('pairs-1', 1)).hash, model.hash)
  const client = s3Client(addressOf({ prefix }), { credentials: () => s3Key })
  const uploads = await client.send({ method: 'GET', query: { uploads: '', prefix } })
  t.deepEqual(elementsIn(uploads ? textOf(uploads) : '', 'UploadId'), [])
})

test('damage is named, and mended by committing the round again', async (t) => {
  const prefix = newPrefix()
  const registry = opened({ prefix })
  const model = await modelOf(1)
  const file = (name: string) => join(server.bucketFolder('models'), prefix, 'pairs-1/round-000001', name)
  for (const damage of [
    () => writeFileSync(file('weights.bin'), new Uint8Array(24)),
    () => rmSync(file('weights.bin')),
    () => rmSync(file('model.json')),
    () => writeFileSync(file('round.json'), '{"job":'),
  ]) {
    await registry.commit(model)
    damage()
    await t.throwsAsync(registry.load('pairs-1', 1), { code: 'REGISTRY_DAMAGED', message: /round-000001/ })
    await registry.commit(model)
    t.is((await registry.load('pairs-1', 1)).hash, model.hash)
  }
})

test('buckets are addressed by host as well', async (t) => {
  const prefix = newPrefix()
  const endpoint = `http://localhost:${server.port}`
  const hosts = new Set<string>()
  // The machine may not know names below localhost.
  const byHost: typeof fetch = async (input, init) => {
    const { host, pathname, search } = new URL(String(input))
    hosts.add(host)
    const headers = { ...Object(init?.headers), host }
    const path = pathname + search
    const sent = request({ host: '127.0.0.1', port: server.port, method: init?.method ?? 'GET', path, headers })
    sent.end(init?.body)
    const [answer] = await once(sent, 'response')
    const content = await buffer(answer)
    return new Response(content.length > 0 ? content : null, { status: answer.statusCode, headers: answer.headers })
  }
  const given = `s3://models/${encodeURIComponent(prefix)}?style=host&endpoint=${endpoint}`
  const registry = s3Registry(s3Address(given), { credentials: () => s3Key, send: fetchSend(byHost) })
  const model = await modelOf(1)
  await registry.commit(model)
  t.is((await registry.load('pairs-1', 1)).hash, model.hash)
  t.deepEqual([...hosts], [`models.localhost:${server.port}`])
  t.is((await opened({ prefix }).load('pairs-1', 1)).hash, model.hash)
})

test('refusals of the server have codes, and no error names a secret', async (t) => {
  const model = await modelOf(1)
  const cases: readonly (readonly [Opening, string, RegExp])[] = [
    [{ bucket: 'absent' }, 'REGISTRY_MISSING', /no bucket absent/],
    [
      { credentials: () => ({ ...s3Key, secretAccessKey: 'another-secret' }) },
      'REGISTRY_CREDENTIALS',
      /SignatureDoesNotMatch/,
    ],
    [{ credentials: () => ({ ...s3Key, accessKeyId: 'another-key' }) }, 'REGISTRY_CREDENTIALS', /access key/i],
    [
      { credentials: () => ({ ...s3Key, secretAccessKey: 'secret\nin-two-lines' }) },
      'REGISTRY_CREDENTIALS',
      /secret of the access key/,
    ],
    [{ now: () => Date.now() - 3_600_000 }, 'REGISTRY_CLOCK', /RequestTimeTooSkewed/],
    [{ endpoint: 'http://127.0.0.1:1' }, 'REGISTRY_LOST', /cannot be reached/],
  ]
  for (const [opening, code, message] of cases) {
    const prefix = newPrefix()
    const registry = opened({ prefix, ...opening })
    const calls = [() => registry.commit(model), () => registry.list('pairs-1'), () => registry.load('pairs-1', 1)]
    for (const call of calls) {
      const error = await t.throwsAsync(call(), { code, message })
      for (const secret of [s3Key.secretAccessKey, 'another-secret', 'in-two-lines', 'Signature=', 'Credential='])
        t.false(`${error?.message} ${error?.stack} ${JSON.stringify(error)}`.includes(secret))
    }
    t.deepEqual(await opened({ prefix }).list('pairs-1'), [])
  }
})

test('a proxy that cuts each connection after 1 MB lets nothing half be seen, and nothing is lost', async (t) => {
  await using proxy = await faultProxy({ target: { port: server.port }, faults: { cutAfterBytes: 1e6 } })
  const prefix = newPrefix()
  const [first, second] = [await largeModel(4_000_000), await largeModel(4_000_000, 2)]
  await opened({ prefix }).commit(first)
  const registry = opened({ prefix, endpoint: `http://127.0.0.1:${proxy.port}` })
  await t.throwsAsync(registry.commit(second), { code: 'REGISTRY_LOST' })
  await t.throwsAsync(registry.load('pairs-1', 1), { code: 'REGISTRY_LOST' })
  t.deepEqual(await opened({ prefix }).list('pairs-1'), [1])
  proxy.set({})
  await registry.commit(second)
  t.is((await registry.load('pairs-1', 1)).hash, first.hash)
  t.is((await registry.load('pairs-1', 2)).hash, second.hash)
})

for (const [name, send] of Object.entries({ fetch: undefined, node: nodeSend }))
  test(`a download that breaks goes on where it broke, by its range, and is read piece by piece (${name})`, async (t) => {
    const bytes = 6_000_000
    await using proxy = await faultProxy({ target: { port: server.port }, faults: { cutAfterBytes: 1e6 } })
    const prefix = newPrefix()
    const model = await largeModel(bytes)
    await opened({ prefix }).commit(model)
    const ranges: string[] = []
    const noted: Send = (request, signal) => {
      const { range } = request.headers ?? {}
      if (range !== undefined) ranges.push(range)
      return (send ?? fetchSend())(request, signal)
    }
    const endpoint = `http://127.0.0.1:${proxy.port}`
    const registry = opened({ prefix, endpoint, send: noted, pausesMs: [0, 0] })
    t.is((await registry.load('pairs-1', 1)).hash, model.hash)
    const starts = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range)?.[1]))
    t.true(starts.length >= 5)
    t.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    )
    t.true((starts[0] ?? 0) > 0)
    const { weightsBytes } = await registry.open('pairs-1', 1)
    const pieces: Uint8Array[] = []
    for await (const piece of weightsBytes()) pieces.push(piece)
    t.true(Buffer.concat(pieces).equals(Buffer.from(model.weights.buffer)))
  })

test('a server that is killed while it receives a round, and started again, has the rounds before, and then this one', async (t) => {
  await using own = await s3Server()
  const prefix = newPrefix()
  const whole = opened({ prefix, endpoint: own.url })
  await whole.commit(await modelOf(1))
  const model = await largeModel(2 * partBytes + 4, 2)
  let kills = 0
  for (let before = 0, wasKilled = true; wasKilled; before++) {
    wasKilled = false
    let sent = 0
    const killing: typeof fetch = async (...request) => {
      const answer = fetch(...request)
      if (++sent !== before + 1) return answer
      wasKilled = true
      const [answered] = await Promise.allSettled([answer, own.kill()])
      if (answered.status === 'rejected') throw answered.reason
      return answered.value
    }
    const failed = await opened({ prefix, endpoint: own.url, send: fetchSend(killing) })
      .commit(model)
      .then(
        () => undefined,
        (error: unknown) => error,
      )
    if (!wasKilled) break
    kills += 1
    t.like(failed, { code: 'REGISTRY_LOST' }, `killed at request ${before + 1}`)
    await own.start()
    t.is((await whole.load('pairs-1', 1)).hash, (await modelOf(1)).hash)
    const found = await whole.list('pairs-1')
    if (found.length === 2) {
      t.is((await whole.load('pairs-1', 2)).hash, model.hash)
      await whole.remove('pairs-1', 2)
    } else t.deepEqual(found, [1])
  }
  t.true(kills > 5)
  t.is((await whole.load('pairs-1', 2)).hash, model.hash)
})

test('a full disk has a code of its own; the rounds before stay, and the round is kept once there is room', async (t) => {
  await using small = await s3Server({ diskMiB: 6 })
  const registry = opened({ endpoint: small.url })
  const [first, second] = [await largeModel(4_000_000), await largeModel(4_000_000, 2)]
  await registry.commit(first)
  await t.throwsAsync(registry.commit(second), { code: 'REGISTRY_FULL' })
  t.deepEqual(await registry.list('pairs-1'), [1])
  t.is((await registry.load('pairs-1', 1)).hash, first.hash)
  await registry.remove('pairs-1', 1)
  await registry.commit(second)
  t.is((await registry.load('pairs-1', 2)).hash, second.hash)
})
