import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import test from 'ava'
import { Command } from 'commander'
import { issueToken } from '../api/index.ts'
import type { CodedError } from '../runtime/index.ts'
import { json, scriptedServer } from '../test/support/scripted-server.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'
import { addGlobalOptions, connect, defaultEndpoint, type GlobalOptions } from './command-context.ts'

/** The options that a command line has on top of the environment of this process. */
function optionsOf(...argv: readonly string[]): GlobalOptions {
  return addGlobalOptions(new Command('flamectl')).parse(argv, { from: 'user' }).opts<GlobalOptions>()
}

test.serial('flags win over the environment, and that over the configuration', async (t) => {
  await using folder = await temporaryFolder()
  const config = join(folder.path, 'config.yaml')
  const yaml = 'apiserver:\n  endpoint: http://file:1\n  other: 1\nuser: filed\nregistry: {sort: mlflow}\n'
  await writeFile(config, yaml)
  const where = async (...argv: readonly string[]) => {
    const { client, user } = await connect(optionsOf('--config', config, ...argv), {})
    return [client.endpoint, user]
  }
  t.deepEqual(await where(), ['http://file:1', 'filed'])
  process.env.FLAME_ENDPOINT = 'http://environment:2/'
  process.env.FLAME_USER = 'environed'
  try {
    t.deepEqual(await where(), ['http://environment:2', 'environed'])
    t.deepEqual(await where('--endpoint', 'http://flag:3', '--user', 'flagged'), ['http://flag:3', 'flagged'])
  } finally {
    delete process.env.FLAME_ENDPOINT
    delete process.env.FLAME_USER
  }
})

test.serial('the token of the environment wins over that of the configuration', async (t) => {
  await using folder = await temporaryFolder()
  await using server = await scriptedServer(json(200, []))
  const config = join(folder.path, 'config.yaml')
  await writeFile(config, `apiserver: { endpoint: "${server.url}" }\ntoken: filed\n`)
  for (const environment of [{}, { FLAME_TOKEN: 'environed' }]) {
    const { client, user } = await connect(optionsOf('--config', config), environment)
    await client.getJobs({ user })
  }
  t.deepEqual(
    server.seen.map(({ headers }) => headers.authorization),
    ['Bearer filed', 'Bearer environed'],
  )
})

test.serial('the user is the one that the token is for, unless something else names one', async (t) => {
  await using folder = await temporaryFolder()
  const keyFile = join(folder.path, 'keys.json')
  const token = await issueToken({ keyFile, user: 'alice', scopes: ['user'], seconds: 60 })
  const config = join(folder.path, 'config.yaml')
  await writeFile(config, `token: ${token}`)
  t.is((await connect(optionsOf(), { FLAME_TOKEN: token })).user, 'alice')
  t.is((await connect(optionsOf('--config', config), {})).user, 'alice')
  t.is((await connect(optionsOf('--user', 'bob'), { FLAME_TOKEN: token })).user, 'bob')
  await writeFile(config, 'user: carol')
  t.is((await connect(optionsOf('--config', config), { FLAME_TOKEN: token })).user, 'carol')
  t.is((await connect(optionsOf(), { FLAME_TOKEN: 'opaque' })).user, (await connect(optionsOf(), {})).user)
})

test.serial('certificates are checked, unless the environment says plainly that they are not to be', async (t) => {
  for (const [setting, expected] of [
    ['1', '0'],
    ['true', '0'],
    ['0', undefined],
    ['false', undefined],
  ] as const) {
    const environment: NodeJS.ProcessEnv = { FLAME_INSECURE: setting }
    await connect(optionsOf(), environment)
    t.is(environment.NODE_TLS_REJECT_UNAUTHORIZED, expected, setting)
  }
})

test.serial('without anything said, it is the control plane of this machine', async (t) => {
  const { client, user } = await connect(optionsOf(), {})
  t.is(client.endpoint, defaultEndpoint)
  t.regex(user, /^\w[\w.@-]*$/)
})

test.serial('a configuration that is named and not there, or is none, is refused', async (t) => {
  await using folder = await temporaryFolder()
  const config = join(folder.path, 'config.yaml')
  await t.throwsAsync(connect(optionsOf('--config', config), {}), { code: 'CONFIG_MISSING' })
  await writeFile(config, 'apiserver: [')
  await t.throwsAsync(connect(optionsOf('--config', config), {}), { code: 'CONFIG_INVALID' })
  await writeFile(config, 'apiserver: { endpoint: 3 }')
  await t.throwsAsync(connect(optionsOf('--config', config), {}), {
    code: 'CONFIG_INVALID',
    message: /apiserver\.endpoint/,
  })
  await writeFile(config, 'apiserver: { endpoint: nowhere }')
  await t.throwsAsync(connect(optionsOf('--config', config), {}), { code: 'CLIENT_ENDPOINT' })
  await writeFile(config, '')
  t.is((await connect(optionsOf('--config', config), {})).client.endpoint, defaultEndpoint)
})

test.serial('nothing of the configuration or the token is told when either is at fault', async (t) => {
  await using folder = await temporaryFolder()
  const config = join(folder.path, 'config.yaml')
  const warnings: string[] = []
  const hear = (warning: Error) => void warnings.push(warning.message)
  process.on('warning', hear)
  for (const text of [
    'token: |eyJ.secret',
    'token: "eyJ.secret',
    'token: *eyJ.secret',
    '}eyJ.secret',
    'a: b: eyJ.secret',
  ]) {
    await writeFile(config, text)
    const error = await t.throwsAsync<CodedError>(connect(optionsOf('--config', config), {}), {
      code: 'CONFIG_INVALID',
    })
    t.notRegex(inspect(error), /secret/, text)
  }
  await writeFile(config, 'token: !odd eyJ.secret')
  await connect(optionsOf('--config', config), {})
  for (const token of ['eyJ.secret\n', 'eyJ.sécret', 'eyJ. secret']) {
    const error = await t.throwsAsync<CodedError>(connect(optionsOf(), { FLAME_TOKEN: token }), {
      code: 'CLIENT_TOKEN',
    })
    t.notRegex(inspect(error), /s[eé]cret/)
  }
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', hear)
  t.deepEqual(warnings, [])
})

test.serial(
  'a configuration of aliases without end, and one that is no configuration at all, are refused',
  async (t) => {
    await using folder = await temporaryFolder()
    const config = join(folder.path, 'config.yaml')
    const levels = Array.from(
      { length: 9 },
      (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`)}]`,
    )
    await writeFile(config, ['l0: &l0 x', ...levels, 'user: *l9'].join('\n'))
    await t.throwsAsync(connect(optionsOf('--config', config), {}), { code: 'CONFIG_INVALID', message: /alias/ })
    await writeFile(config, '['.repeat(100_000))
    await t.throwsAsync(connect(optionsOf('--config', config), {}), { code: 'CONFIG_INVALID' })
    await writeFile(config, new Uint8Array(1024 * 1024 + 1).fill(0x23))
    await t.throwsAsync(connect(optionsOf('--config', config), {}), { code: 'FILE_LARGE' })
  },
)
