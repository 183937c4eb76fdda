// Builds everything: each AssemblyScript kernel into a TypeScript module holding its bytes, then TypeScript, then bundles of packages, then chunks.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const kernels = [
  { source: 'sdk/sum/assembly/kernel.ts', target: 'sdk/sum/kernel-bytes.ts', name: 'kernelBase64' },
  {
    source: 'sdk/sum/assembly/kernel.ts',
    target: 'sdk/sum/shared-kernel-bytes.ts',
    name: 'sharedKernelBase64',
    options: ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'],
  },
  { source: 'sdk/engine/assembly/index.ts', target: 'sdk/engine/engine-bytes.ts', name: 'engineBase64' },
  // One source, three ways to add a product to a sum, and wider tiles for engines that join vectors.
  ...[
    ['plain', 'plain', []],
    ['fused', 'fused', ['--enable', 'relaxed-simd']],
    ['emulated', 'emulated', ['--use', 'EMULATED=1']],
    ['wide-plain', 'widePlain', ['--use', 'WIDE=1']],
    ['wide-fused', 'wideFused', ['--use', 'WIDE=1', '--enable', 'relaxed-simd']],
  ].map(([way, name, options]) => ({
    source: 'sdk/engine/assembly/products/index.ts',
    target: `sdk/engine/products/${way}-bytes.ts`,
    name: `${name}Base64`,
    // Behind the tables of the other kernels, which share the memory.
    options: ['--memoryBase', '32768', ...options],
  })),
  { source: 'bench/train/assembly/peak.ts', target: 'bench/train/peak-bytes.ts', name: 'peakBase64' },
  {
    source: 'bench/train/assembly/peak.ts',
    target: 'bench/train/fused-peak-bytes.ts',
    name: 'fusedPeakBase64',
    options: ['--enable', 'relaxed-simd'],
  },
]
const require = createRequire(import.meta.url)

// npm runs `prepare` before it packs a clone, and after it has installed the clone's dependencies.
if (process.env.npm_lifecycle_event === 'prepare') {
  const isPacking = ['pack', 'publish'].includes(process.env.npm_command)
  // The commands that follow `npm ci` build.
  if (process.env.npm_command === 'ci') process.exit()
  if (!existsSync('node_modules/typescript')) {
    console.error('flame-fl is not built: run npm ci first, with its development dependencies')
    process.exit(isPacking ? 1 : 0)
  }
}

const bin = (name, file) => join(dirname(require.resolve(`${name}/package.json`)), file)
const run = (script, args) => execFileSync(process.execPath, [script, ...args], { stdio: 'inherit' })

/** Time of the last change in a folder. */
const newest = (folder) => Math.max(...readdirSync(folder).map((file) => statSync(join(folder, file)).mtimeMs))

for (const { source, target, name, options = [] } of kernels) {
  if (existsSync(target) && statSync(target).mtimeMs >= newest(dirname(source))) continue
  const wasm = target.replace(/\.ts$/, '.wasm')
  const common = [
    '-O3',
    '--noAssert',
    '--runtime',
    'stub',
    '--enable',
    'simd',
    '--enable',
    'bulk-memory',
    '--importMemory',
  ]
  run(bin('assemblyscript', 'bin/asc.js'), [source, '-o', wasm, ...common, ...options])
  writeFileSync(target, `export const ${name} = '${readFileSync(wasm).toString('base64')}'\n`)
  unlinkSync(wasm)
}
// Built files of removed sources would be tested and packed, so they are removed.
for (const file of existsSync('dist') ? readdirSync('dist', { recursive: true }) : []) {
  const [, source] = /^(?!chunks\b)(.+?)\.(?:d\.ts|js|js\.map)$/.exec(file) ?? []
  if (source !== undefined && !existsSync(`${source}.ts`)) rmSync(join('dist', file))
}
try {
  run(bin('typescript', 'bin/tsc'), [])
} catch {
  process.exitCode = 1 // The compiler has said what is wrong.
}
// Imported late: they load esbuild and rolldown, which a clone without dependencies lacks.
const { writeBundles, writeLicences } = await import('./bundles.js')
const { writeChunks } = await import('./chunks.js')
const { writeBillOfMaterials } = await import('./sbom.js')
const bundled = writeBundles()
await writeChunks()
writeLicences('dist/THIRD-PARTY-LICENSES.txt', bundled)
writeBillOfMaterials('dist/sbom.cdx.json', bundled)
