// Installs other projects into .peers/, each into an environment of its own, to compare with: `npm run peers` installs all,
// `npm run peers -- flower pfl` those two.
// - torch: PyTorch, for bench/train and for the test of docs/registry.md. About 4 GB, since the wheel that PyPI has for Linux
//   doesn't load without the CUDA libraries, even where only the processor is used.
// - flower, pfl: simulators of fleets, for bench/fleet. About 0.5 GB and 0.3 GB.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from './setup/errors.js'
import { makeOnce, peersFolder } from './setup/folders.js'
import { python } from './setup/python.js'
import { main, must, step } from './setup/run.js'

const peers = {
  torch: {
    // safetensors reads the models that PyTorch gets.
    packages: ['torch==2.15.0', 'safetensors==0.8.0'],
    trial: 'import torch; torch.ones(2, 2) @ torch.ones(2, 2)',
  },
  flower: { packages: ['flwr[simulation]==1.42.0'], trial: 'import flwr.simulation, ray' },
  pfl: { packages: ['pfl==0.6.0'], trial: 'import pfl.aggregate.simulate' },
}

main(() => {
  const given = process.argv.slice(2)
  for (const name of given)
    if (!Object.hasOwn(peers, name))
      throw new SetupError('SETUP_UNKNOWN', { given: name, known: Object.keys(peers).join(', ') })
  for (const name of given.length > 0 ? given : Object.keys(peers)) install(name, peers[name])
})

function install(name, { packages, trial }) {
  const folder = join(peersFolder, name)
  const what = packages.join(' ')
  if (existsSync(folder)) return console.error(`${what} is in ${folder}`)
  const command = python()
  makeOnce(folder, (draft) => {
    // An environment may be moved as long as it is used through its interpreter.
    must(command, ['-m', 'venv', draft], 'SETUP_PYTHON', {})
    const interpreter = join(draft, 'bin', 'python')
    step(`installing ${what}`, () =>
      must(interpreter, ['-m', 'pip', 'install', '--quiet', ...packages], 'SETUP_DOWNLOAD', { what, from: 'PyPI' }),
    )
    step('trying it', () => must(interpreter, ['-c', trial], 'SETUP_BUILD', { what, folder }))
  })
}
