import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileErrorCode, fileReason } from '../../../runtime/index.ts'
import { registryError } from '../errors.ts'
import type { S3Credentials } from './s3-client.ts'

/** Variables of a process, by name. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Finds credentials as Amazon's own tools do: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or else
 * the profile AWS_PROFILE (`default`) of the file AWS_SHARED_CREDENTIALS_FILE (`~/.aws/credentials`). The file is read
 * for each request, so that another program may renew temporary credentials.
 *
 * @throws REGISTRY_NO_CREDENTIALS, without any content of the file.
 */
export async function awsCredentials(environment: Environment): Promise<S3Credentials> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY)
    return credentialsOf(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)
  const file = environment.AWS_SHARED_CREDENTIALS_FILE || join(homedir(), '.aws', 'credentials')
  const profile = profileIn(environment)
  const none = (reason: string, options?: ErrorOptions) =>
    registryError('REGISTRY_NO_CREDENTIALS', { location: 'S3', reason }, options)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw none(`the environment has none, and ${file} can't be read: ${fileReason(cause)}`, { cause })
  })
  const found = sectionOf(text, profile)
  if (!found) throw none(`the environment has none, and ${file} has no profile ${profile}`)
  const [id, secret] = [found.get('aws_access_key_id'), found.get('aws_secret_access_key')]
  if (!id || !secret) throw none(`the profile ${profile} of ${file} lacks aws_access_key_id or aws_secret_access_key`)
  return credentialsOf(id, secret, found.get('aws_session_token'))
}

/** The region of AWS_REGION or AWS_DEFAULT_REGION, or else of the profile in AWS_CONFIG_FILE (`~/.aws/config`), if any. */
export async function awsRegion(environment: Environment): Promise<string | undefined> {
  const named = environment.AWS_REGION || environment.AWS_DEFAULT_REGION
  if (named) return named
  const file = environment.AWS_CONFIG_FILE || join(homedir(), '.aws', 'config')
  const profile = profileIn(environment)
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (fileErrorCode(error) === undefined) throw error
    return ''
  })
  return sectionOf(text, profile === 'default' ? profile : `profile ${profile}`)?.get('region')
}

function profileIn(environment: Environment): string {
  return environment.AWS_PROFILE || 'default'
}

function credentialsOf(accessKeyId: string, secretAccessKey: string, sessionToken: string | undefined): S3Credentials {
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
}

/** The values of one section of a file of sections: `[name]`, then lines of `key = value`. */
function sectionOf(text: string, name: string): ReadonlyMap<string, string> | undefined {
  let found: Map<string, string> | undefined
  let isWithin = false
  for (const line of text.split(/\r?\n/)) {
    const [, section] = /^\s*\[\s*(.*?)\s*\]/.exec(line) ?? []
    if (section !== undefined) {
      isWithin = section.replace(/\s+/g, ' ') === name
      if (isWithin) found ??= new Map()
      continue
    }
    const [, key, value = ''] = /^\s*([^#;\s=][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (isWithin && key !== undefined) found?.set(key.toLowerCase(), value)
  }
  return found
}
