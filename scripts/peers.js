// Installs PyTorch into .peers/torch, for bench/train to compare with and for the test of docs/registry.md: `npm run peers`.
// About 4 GB, since the wheel that PyPI has for Linux doesn't load without the CUDA libraries, even where only the processor
// is used.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce, peersFolder } from './setup/folders.js'
import { python } from './setup/python.js'
import { main, must, step } from './setup/run.js'

const torch = 'torch==2.15.0'
/** Reads the models that PyTorch gets. */
const reader = 'safetensors==0.8.0'

main(() => {
  const folder = join(peersFolder, 'torch')
  if (existsSync(folder)) return console.error(`${torch} is in ${folder}`)
  const command = python()
  makeOnce(folder, (draft) => {
    // An environment may be moved as long as it is used through its interpreter.
    must(command, ['-m', 'venv', draft], 'SETUP_PYTHON', {})
    const interpreter = join(draft, 'bin', 'python')
    step(`installing ${torch} (about 2 GB to fetch)`, () =>
      must(interpreter, ['-m', 'pip', 'install', '--quiet', torch, reader], 'SETUP_DOWNLOAD', {
        what: torch,
        from: 'PyPI',
      }),
    )
    step('trying it', () =>
      must(interpreter, ['-c', 'import torch; torch.ones(2, 2) @ torch.ones(2, 2)'], 'SETUP_BUILD', {
        what: torch,
        folder,
      }),
    )
  })
})
