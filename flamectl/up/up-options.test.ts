import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { temporaryFolder } from '../../test/support/temporary-folder.ts'
import { readConfig } from '../config-file.ts'
import { quotasOf, workerSettings } from './up-options.ts'

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

  for (const wrong of [{ broker: ['pigeon=a'] }, { broker: ['mqtt'] }, { registry: 'none' }])
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
