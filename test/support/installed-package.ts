import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const clone = fileURLToPath(new URL('../../../', import.meta.url))

/** Packs the clone as it is built, and installs the package into the project's folder. Returns npm's warnings. */
export async function installPackage(project: string): Promise<string> {
  const packed = mkdtempSync(join(tmpdir(), 'flame-packed-'))
  try {
    await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', packed], { cwd: clone })
    const archive = join(packed, readdirSync(packed).find((name) => name.endsWith('.tgz')) ?? '')
    mkdirSync(project, { recursive: true })
    writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lockWith(archive)))
    const quick = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund']
    const { stderr } = await run('npm', ['install', ...quick, archive], { cwd: project })
    return stderr
  } finally {
    rmSync(packed, { recursive: true })
  }
}

/** The project's lock file: the package, and its dependencies in the clone's versions instead of the newest. */
function lockWith(archive: string): object {
  const { packages, ...lock } = JSON.parse(readFileSync(join(clone, 'package-lock.json'), 'utf8'))
  const { name, license: _, devDependencies: _none, ...rest } = packages['']
  const own = { ...rest, resolved: `file:${archive}`, license: 'Apache-2.0' }
  const others = Object.entries(packages).filter(([path, entry]) => path !== '' && !Object(entry).dev)
  const root = { name: 'mine', version: '1.0.0', dependencies: { [name]: `file:${archive}` } }
  return { ...lock, name: 'mine', packages: { '': root, [`node_modules/${name}`]: own, ...Object.fromEntries(others) } }
}
