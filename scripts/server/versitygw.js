import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from '../setup/errors.js'
import { makeOnce, peersFolder } from '../setup/folders.js'
import { attempt, must, step } from '../setup/run.js'

const version = '1.8.0'

/**
 * The S3 server versitygw: the program that the environment names (VERSITYGW), or one that Go builds here (2 minutes the
 * first time; Go keeps what it has compiled, also for other clones).
 */
export function versitygw() {
  if (process.env.VERSITYGW) return [process.env.VERSITYGW]
  const go = process.env.GO || 'go'
  const program = `github.com/versity/versitygw/cmd/versitygw@v${version}`
  mkdirSync(peersFolder, { recursive: true })
  const folder = makeOnce(join(peersFolder, `versitygw-${version}`), (draft) => {
    const { reason } = attempt(go, ['version'])
    if (reason) throw new SetupError('SETUP_GO', { command: go, reason })
    const env = { ...process.env, GOBIN: draft, GOFLAGS: '-ldflags=-s -buildvcs=false' }
    step(`building versitygw ${version}`, () =>
      must(go, ['install', program], 'SETUP_DOWNLOAD', { what: program, from: 'the Go proxy' }, { env }),
    )
  })
  return [join(folder, 'versitygw')]
}
