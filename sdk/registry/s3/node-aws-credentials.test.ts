import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { awsCredentials, awsRegion } from './node-aws-credentials.ts'

const folder = mkdtempSync(join(tmpdir(), 'flame-aws-'))
test.after.always(() => rmSync(folder, { recursive: true, force: true }))
const credentials = join(folder, 'credentials')
const config = join(folder, 'config')
writeFileSync(
  credentials,
  `# keys of tests
[default]
aws_access_key_id = id-1
aws_secret_access_key=a/secret+with=signs

[ other one ]
; the next is temporary
aws_access_key_id = id-2
aws_secret_access_key = secret-2
aws_session_token = token-2\r
[half]
aws_access_key_id = id-3
`,
)
writeFileSync(config, '[default]\nregion = eu-west-1\n[profile other one]\nregion=ap-south-1\n')
const files = { AWS_SHARED_CREDENTIALS_FILE: credentials, AWS_CONFIG_FILE: config }

test('the environment comes first, then the profile of the file', async (t) => {
  const named = { AWS_ACCESS_KEY_ID: 'id-0', AWS_SECRET_ACCESS_KEY: 'secret-0', AWS_SESSION_TOKEN: 'token-0' }
  t.deepEqual(await awsCredentials({ ...named, ...files }), {
    accessKeyId: 'id-0',
    secretAccessKey: 'secret-0',
    sessionToken: 'token-0',
  })
  t.deepEqual(await awsCredentials(files), { accessKeyId: 'id-1', secretAccessKey: 'a/secret+with=signs' })
  t.deepEqual(await awsCredentials({ ...files, AWS_PROFILE: 'other one' }), {
    accessKeyId: 'id-2',
    secretAccessKey: 'secret-2',
    sessionToken: 'token-2',
  })
})

test('the region is that of the environment, or of the profile in the configuration', async (t) => {
  t.is(await awsRegion({ ...files, AWS_REGION: 'a', AWS_DEFAULT_REGION: 'b' }), 'a')
  t.is(await awsRegion({ ...files, AWS_DEFAULT_REGION: 'b' }), 'b')
  t.is(await awsRegion(files), 'eu-west-1')
  t.is(await awsRegion({ ...files, AWS_PROFILE: 'other one' }), 'ap-south-1')
  t.is(await awsRegion({ AWS_CONFIG_FILE: join(folder, 'absent') }), undefined)
})

test('missing credentials are told with the place that lacks them, and without any secret', async (t) => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ AWS_SHARED_CREDENTIALS_FILE: join(folder, 'absent') }, /absent can't be read: there is no such file/],
    [{ ...files, AWS_PROFILE: 'unknown' }, /has no profile unknown/],
    [{ ...files, AWS_PROFILE: 'half' }, /the profile half of .* lacks/],
  ]
  for (const [environment, message] of cases) {
    const error = await t.throwsAsync(awsCredentials(environment), { code: 'REGISTRY_NO_CREDENTIALS', message })
    t.false(/id-|secret-|token-|with=signs/.test(`${error?.stack} ${JSON.stringify(error)}`))
  }
})
