import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { readConfig } from '../config-file.ts'
import { brokerSetting, quotasOf, workerSettings } from './up-options.ts'

test('flamelets are told brokers, registry and image of the configuration, or those of flags', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'config.yaml')
  const config = () => readConfig(file, { optional: false })
  await writeFile(
    file,
    `flamelets:
  brokers:
    - { sort: mqtt, host: 'broker:1883' }
    - { sort: p2p, host: 'meta:10104' }
  registry: { sort: mlflow, uri: 'http://models:5000' }
  image: flamelets:1
`,
  )
  t.deepEqual(workerSettings({}, await config()), {
    brokers: [
      { sort: 'mqtt', host: 'broker:1883' },
      { sort: 'p2p', host: 'meta:10104' },
    ],
    registry: { sort: 'mlflow', uri: 'http://models:5000' },
    image: 'flamelets:1',
  })
  const flags = { broker: ['ws=hub:80'], registry: 'local', image: 'other' }
  t.deepEqual(workerSettings(flags, await config()), {
    brokers: [{ sort: 'ws', host: 'hub:80' }],
    registry: { sort: 'local', uri: '' },
    image: 'other',
  })
  t.deepEqual(workerSettings({}, {}), {})
  const shared = { broker: ['mqtts://broker:8883'] }
  t.deepEqual(workerSettings(shared, {}).brokers, [{ sort: 'mqtt', host: 'broker:8883' }])
  t.deepEqual(workerSettings(shared, await config()).brokers?.length, 2, 'the configuration says which')
  t.deepEqual(workerSettings({ broker: [...shared.broker, 'ws=hub:80'] }, {}).brokers, [{ sort: 'ws', host: 'hub:80' }])

  for (const wrong of [{ broker: ['pigeon=a'] }, { broker: ['mqtt'] }])
    t.throws(() => workerSettings(wrong, {}), { code: 'OPTION_VALUE' })
  await writeFile(file, 'flamelets: { brokers: [{ sort: pigeon, host: a }] }')
  await t.throwsAsync(config(), { code: 'CONFIG_INVALID', message: /flamelets\.brokers\.0\.sort/ })
})

test('users may have what the configuration says, or flags', async (t) => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'config.yaml')
  await writeFile(file, 'quotas: { jobs: 5, tasks: 100 }')
  const config = await readConfig(file, { optional: false })
  t.deepEqual(quotasOf({}, config), { jobs: 5, tasks: 100 })
  t.deepEqual(quotasOf({ quota: ['jobs=7,keys=1', 'bytes=0'] }, config), { jobs: 7, tasks: 100, keys: 1, bytes: 0 })
  for (const wrong of ['jobs', 'jobs=-1', 'toys=1', 'jobs=many'])
    t.throws(() => quotasOf({ quota: [wrong] }, {}), { code: 'OPTION_VALUE' }, wrong)
  await writeFile(file, 'quotas: { toys: 5 }')
  await t.throwsAsync(readConfig(file, { optional: false }), { code: 'CONFIG_INVALID' })
})

test('flamelets may join over a broker of the server, or over another one that the environment gives access to', async (t) => {
  t.is(await brokerSetting({}, {}), undefined)
  t.deepEqual(await brokerSetting({ mqtt: true }, {}), { type: 'embedded', port: 1883 })
  t.deepEqual(await brokerSetting({ mqtt: '0' }, {}), { type: 'embedded', port: 0 })
  const url = 'mqtts://broker:8883'
  const environment = { FLAME_BROKER_USERNAME: 'server', FLAME_BROKER_PASSWORD: 'secret' }
  t.deepEqual(await brokerSetting({ broker: ['p2p=meta:1', url] }, environment), {
    type: 'external',
    url,
    username: 'server',
    password: 'secret',
  })
  for (const wrong of [{ mqtt: '70000' }, { mqtt: true, broker: [url] }, { broker: [url, url] }] as const)
    await t.throwsAsync(brokerSetting(wrong, {}), { code: 'OPTION_VALUE' })
})
