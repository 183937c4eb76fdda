import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Figure } from '../figure.ts'

const project = new URL('../../../', import.meta.url)
const source = (path: string) => fileURLToPath(new URL(path, project))

/** Simulators of other projects, where `npm run peers` has installed them. */
const peers = [
  { name: 'flower', folder: '.peers/flower', script: 'bench/peers/simulate_flower.py' },
  { name: 'pfl', folder: '.peers/pfl', script: 'bench/peers/simulate_pfl.py' },
]

/** Updates a second of other simulators, with a model of 1,000 weights and a training that does almost nothing. */
export async function fleetPeers(report: (figure: Figure) => void): Promise<void> {
  for (const { name, folder, script } of peers) {
    if (!existsSync(source(folder))) continue
    const { stdout } = await promisify(execFile)(source(`${folder}/bin/python`), [source(script)])
    const { updatesPerSecond }: { readonly updatesPerSecond: number } = JSON.parse(
      stdout.trim().split('\n').at(-1) ?? '',
    )
    report({ figure: `fleet.updates-per-second.${name}`, value: updatesPerSecond, unit: 'updates/s' })
  }
}
