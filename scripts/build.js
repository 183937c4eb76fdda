// Builds everything: each AssemblyScript kernel into a TypeScript module holding its bytes, then TypeScript.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const kernels = ['sdk/strategy/sum/kernel']
const require = createRequire(import.meta.url)
const bin = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file)
const run = (script, args) => execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' })

for (const kernel of kernels) {
  const source = `${kernel}.as`
  const target = `${kernel}-bytes.ts`
  if (existsSync(target) && statSync(target).mtimeMs >= statSync(source).mtimeMs) continue
  const wasm = `${kernel}.wasm`
  run(bin('assemblyscript', 'bin/asc.js'), [
    source,
    '-o',
    wasm,
    '-O3',
    '--noAssert',
    '--runtime',
    'stub',
    '--enable',
    'simd',
    '--importMemory',
  ])
  const base64 = readFileSync(wasm).toString('base64')
  writeFileSync(target, `export const kernelBase64 = '${base64}'\n`)
}
run(bin('typescript', 'bin/tsc'), [])
