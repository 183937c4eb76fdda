import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeOnce } from '../setup/folders.js'
import { must, step } from '../setup/run.js'

/** Unpacks the parts of a wheel that the binding needs: the two libraries and the headers. */
const unpack = `
import glob, sys, zipfile
folder, wheel = sys.argv[1], glob.glob(sys.argv[2] + '/*.whl')[0]
wanted = ('tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2',
          'tensorflow/include/tensorflow/', 'tensorflow/include/xla/', 'tensorflow/include/tsl/')
archive = zipfile.ZipFile(wheel)
archive.extractall(folder, [name for name in archive.namelist() if name.startswith(wanted)])
`

/** Downloads and unpacks TensorFlow's library. Answers with the folder of the library and of `include`. */
export function fetchTensorFlow(python, folder, version) {
  const what = `tensorflow-cpu==${version}`
  const whole = makeOnce(join(folder, `tensorflow-${version}`), (draft) => {
    const wheels = join(draft, 'wheels')
    // The library is the same for every version of Python: any version of the release will do.
    const anyPython = ['--python-version', '3.11', '--only-binary', ':all:']
    const download = ['-m', 'pip', 'download', '--quiet', '--no-deps', ...anyPython, '--dest', wheels, what]
    step(`downloading ${what} (274 MB)`, () => must(python, download, 'SETUP_DOWNLOAD', { what, from: 'PyPI' }))
    step('unpacking it (853 MB)', () => must(python, ['-c', unpack, draft, wheels], 'SETUP_BUILD', { what, folder }))
    rmSync(wheels, { recursive: true })
  })
  return join(whole, 'tensorflow')
}
