import { join } from 'node:path'
import { issueToken, type Scope, type TokenRequest } from '../../api/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface Bearers extends AsyncDisposable {
  readonly keyFile: string
  /** A header with a token. */
  of(user: string, scopes: readonly Scope[], change?: Partial<TokenRequest>): Promise<{ authorization: string }>
}

/** Tokens of a key file of their own. */
export async function bearers(): Promise<Bearers> {
  const folder = await temporaryFolder()
  const keyFile = join(folder.path, 'keys.json')
  return {
    keyFile,
    async of(user, scopes, change = {}) {
      return { authorization: `Bearer ${await issueToken({ keyFile, user, scopes, seconds: 3600, ...change })}` }
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}
