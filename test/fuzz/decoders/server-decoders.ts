import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { serialize } from 'node:v8'
import fc from 'fast-check'
import { strToU8, zipSync } from 'fflate'
import { archiveLimitsOf, checkedArchive, unpackedFiles } from '../../../actors/catalogue/archive.ts'
import { messagePipe } from '../../../actors/deployers/job-process/message-pipe.ts'
import { decodedFromProcess } from '../../../actors/deployers/job-process/protocol.ts'
import { decodeModel, jobSpec } from '../../../actors/index.ts'
import { keysIn } from '../../../api/auth/key-file.ts'
import { operations } from '../../../api/operations/operations.ts'
import { readConfig } from '../../../flamectl/config-file.ts'
import { readJobFile } from '../../../flamectl/files/json-files.ts'
import { checkKeys, compareKeys, rangeOf } from '../../../runtime/durable/store-rules.ts'
import { decode, encode, unpackError } from '../../../runtime/index.ts'
import { expand, findFaults } from '../../../sdk/index.ts'
import { schemaModel } from '../../../sdk/tag/index.ts'
import { type Decoder, decoder } from './decoder.ts'
import { mutatedBytes, mutatedJson, mutatedText } from './mutations.ts'
import { bodies, processMessages, topologies } from './samples.ts'

const refusal = /^(API|MODEL|FIELD|NAME|TAG|CODE)_/
const withBodies = operations.flatMap(({ id, body }) => (body?.type === 'json' ? [{ id, model: body.model }] : []))

const attrs = (mode: number) => ({ os: 3, attrs: (mode << 16) >>> 0 })
const archives = [
  zipSync({ 'aggregator/index.js': strToU8('//'), 'trainer/index.js': strToU8('a'.repeat(500)) }),
  zipSync({
    'trainer/a.js': strToU8('a'),
    'trainer/b.js': [strToU8('a.js'), attrs(0o120777)],
    'trainer/c/': new Uint8Array(),
  }),
  zipSync({ 'trainer/ä.js': [strToU8('x'), { level: 0 }] }),
]

const states: readonly unknown[] = [
  { role: 'a', commits: 3, state: { weights: Float32Array.of(1, 2), list: [1, 'a', null, true, 2n ** 40n] } },
  [{ round: 1, place: 'p', value: ['a', 'b'] }, Uint8Array.of(1, 2, 3)],
  { text: 'é'.repeat(100), nested: { a: { b: { c: [-1, 1e300, 65536] } } } },
]
const extensions = [0x72, 0x65, 0x78, 0x69, 0x70, 0x73, 0x74, 0x42, 0x62, 0xff].map((type) =>
  Uint8Array.of(0xd8, type, 0, 0, 0, 1, 0x93, 0xa1, 0x61, 0xa1, 0x62, 0xa1, 0x63, 0x91, 0xa1, 0x61, 0x01, 0x02),
)

const configurations = [
  'apiserver:\n  endpoint: http://127.0.0.1:10100\nuser: alice\ntoken: abc\n',
  'flamelets:\n  brokers: [{ sort: mqtt, host: h }]\n  registry: { sort: mlflow, uri: http://h }\n  image: i\n',
  'a: &a [1, 2]\nb: [*a, *a]\nuser: "x"\n<<: { token: t }\n',
]
const words = [
  '&a ',
  '*a',
  '&b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n',
  '<<: *a\n',
  '!!binary ',
  '? ',
  '- ',
  '|\n  ',
  '>-\n',
  '%YAML 1.2\n',
  '---\n',
]

/** A secret in the form that a server makes. */
const secret = createHash('sha256').update('a').digest('base64url')

/** Frames of a pipe, in chunks. */
async function throughPipe(bytes: Uint8Array): Promise<unknown> {
  const stream = new PassThrough()
  const heard: unknown[] = []
  const done = new Promise<void>((resolve, reject) => {
    messagePipe<unknown>(stream, { heard: (value) => void heard.push(decodedFromProcess(value)), broken: reject })
    stream.on('end', resolve)
  })
  stream.end(bytes)
  await done
  return heard
}

const frames = processMessages.map((message) => {
  const bytes = serialize(message)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return new Uint8Array(Buffer.concat([length, bytes]))
})

/** Decoders of the server's records, of messages of jobs, and of the command line's files. */
export function serverDecoders(folder: string): readonly Decoder[] {
  const limits = archiveLimitsOf(64 * 1024)
  const inFile = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content, { mode: 0o600 })
  return [
    ...withBodies.map(({ id, model }) =>
      decoder(
        `model-${id}`,
        mutatedJson(bodies[id] ?? Object.values(bodies).flat()),
        (value) => decodeModel(model, value),
        refusal,
      ),
    ),
    decoder(
      'schema',
      mutatedJson(topologies),
      (value) => {
        const { schema, dataSpec } = Object(value)
        const spec = decodeModel(jobSpec, { designId: 'd', dataSpec })
        const entries = (spec.dataSpec ?? []).map(({ role, datasetGroups = {} }) => ({ role, datasetGroups }))
        const topology = { schema: decodeModel(schemaModel, schema), dataSpec: entries }
        const { faults } = findFaults(topology, { mostTasks: 1000 })
        if (faults.length === 0) return expand(topology, { jobId: 'j', newKey: () => 'k' })
        return JSON.stringify(faults)
      },
      refusal,
    ),
    decoder(
      'archive',
      mutatedBytes(archives),
      async (bytes) => {
        const files = await checkedArchive(bytes, limits)
        for await (const file of unpackedFiles(bytes, limits)) void file
        return files
      },
      /^CODE_ARCHIVE$/,
    ),
    decoder(
      'store-codec',
      mutatedBytes([...states.map(encode), ...extensions]),
      (bytes) => decode(bytes),
      /^STORE_BYTES$/,
    ),
    decoder(
      'store-keys',
      fc.tuple(mutatedText(['job/j/a', 'audit', 'é/\u{10ffff}']), mutatedText(['job/', 'b'])),
      ([key, below]) => {
        checkKeys(key, below)
        compareKeys(key, below)
        return rangeOf({ after: key, below })
      },
      /^STORE_KEY$/,
    ),
    decoder(
      'process-messages',
      mutatedJson(processMessages),
      (value) => {
        const message = decodedFromProcess(value)
        if ('cause' in message && message.cause && 'name' in message.cause) unpackError(message.cause)
        return message
      },
      /^JOB_PROCESS_MESSAGE$/,
    ),
    decoder('process-pipe', mutatedBytes(frames), throughPipe, /^JOB_PROCESS_MESSAGE$/),
    decoder(
      'configuration',
      mutatedText(configurations, words),
      async (text) => {
        await inFile('config.yaml', text)
        return readConfig(join(folder, 'config.yaml'), { optional: false })
      },
      /^CONFIG_/,
    ),
    decoder(
      'job-file',
      fc.tuple(
        mutatedText([JSON.stringify({ ...Object(bodies.createJob?.[0]), '//': 'a' }), '{"dataSpecPath":"part.json"}']),
        mutatedText([JSON.stringify([{ role: 'trainer', datasetGroups: { default: ['a'] } }]), '{"dataSpec":[]}']),
      ),
      async ([job, part]) => {
        await inFile('job.json', job)
        await inFile('part.json', part)
        return readJobFile(join(folder, 'job.json'), () => {})
      },
      /^(FILE|MODEL|FIELD|NAME)_/,
    ),
    decoder(
      'key-file',
      mutatedText([JSON.stringify({ keys: [{ kty: 'oct', alg: 'HS256', kid: 'a', k: secret }] })], ['"kid"', '"k"']),
      async (text) => {
        await inFile('keys.json', text)
        return keysIn(join(folder, 'keys.json'))
      },
      /^API_KEY_/,
    ),
  ]
}
