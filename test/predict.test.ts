import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { initialWeightsFrom, readCsv } from '../sdk/node/index.ts'
import { runFlamectl } from './flamectl-process.ts'
import { flamectlUp } from './support/flamectl-up.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import triage from './support/triage.workload.ts'

const workload = fileURLToPath(new URL('./support/triage.workload.js', import.meta.url))
const main = fileURLToPath(new URL('../flamectl/main.js', import.meta.url))

/** A folder with a trained model of each kind, and a file of examples. */
async function stage(kind = 'classes') {
  const folder = await temporaryFolder()
  const at = (name: string) => join(folder.path, name)
  await writeFile(at('new.csv'), 'patient,age,pulse,ward\na,0.1,0.5,north\n"b,c",1,2,west\n')
  const [set, data] = [
    ['--set', `kind=${kind}`],
    ['--data', `test=${at('new.csv')}`],
  ]
  const classes = kind === 'classes' ? data : ['--data', `test=${at('test.csv')}`]
  if (kind !== 'classes') await writeFile(at('test.csv'), 'patient,age,pulse,ward\na,0.1,0.5,north\n')
  const run = await runFlamectl([
    '--user',
    'u',
    'run',
    workload,
    ...set,
    ...classes,
    '--store',
    folder.path,
    '--workers',
    '0',
  ])
  if (run.status !== 0) throw new Error(run.err)
  const model = at('models/triage-1/round-0002')
  const columns = ['--examples', at('new.csv'), '--id', 'patient', '--features', 'age,pulse']
  return {
    ...{ at, model, columns, data, folder: folder.path },
    predict: (...more: readonly string[]) => runFlamectl(['predict', workload, ...set, ...more]),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test("predictions are those of a program, for a csv file, and for the test set by the workload's own reader", async (t) => {
  await using staged = await stage()
  const { predict, model, columns, data, at } = staged
  const learner = await triage.learner(triage.settings)
  const weights = await initialWeightsFrom(model, learner.layout)
  const examples = await readCsv(at('new.csv'), { label: false, id: 'patient', features: ['age', 'pulse'] })
  const found = await learner.predict?.(weights, examples)
  t.like(found, { shape: [3], of: 'classes', areProbabilities: true })
  const lines = (await predict('--model', model, ...columns, '--json')).lines
  const probabilities = [...(found?.values ?? [])].map((value) => Number(value.toPrecision(9)))
  t.deepEqual(lines, [
    { id: 'a', class: 2, probabilities: probabilities.slice(0, 3) },
    { id: 'b,c', class: 2, probabilities: probabilities.slice(3) },
  ])
  const table = await predict('--model', model, ...data)
  t.deepEqual(table.out.split('\n'), [
    'id,label,class,probability-0,probability-1,probability-2',
    `a,0,2,${probabilities.slice(0, 3).join(',')}`,
    `"b,c",2,2,${probabilities.slice(3).join(',')}`,
    '',
  ])
})

for (const [kind, header] of Object.entries({
  label: 'id,class,probability',
  logit: 'id,class,output',
  value: 'id,value',
}))
  test(`the predictions of a ${kind} have the columns ${header}`, async (t) => {
    await using staged = await stage(kind)
    const { out, err } = await staged.predict('--model', staged.model, ...staged.columns)
    t.regex(out, new RegExp(`^${header}\na(,-?[\\d.e-]+)+\n"b,c"(,-?[\\d.e-]+)+\n$`), err)
  })

test('a job on a control plane has models to predict with', async (t) => {
  await using staged = await stage()
  const { model, columns, folder, predict } = staged
  const here = await predict('--model', model, ...columns)
  await using up = await flamectlUp(folder)
  for (const round of [['--round', '2'], []]) {
    const { out, err } = await up.command('predict', workload, '--job', 'triage-1', ...round, ...columns)
    t.is(out, here.out, err)
  }
  const none = await up.command('predict', workload, '--job', 'triage-1', '--round', '9', ...columns)
  t.is(none.status, 3, none.err)
})

test('what cannot be read, does not fit or cannot be written is refused with its place, and leaves nothing behind', async (t) => {
  await using staged = await stage()
  const { at, model, columns, predict, data } = staged
  await writeFile(at('empty.csv'), '')
  await writeFile(at('header.csv'), 'age,pulse\n')
  await writeFile(at('words.csv'), 'age,pulse\n1,fast\n')
  const before = await readdir(at('.'))
  const given = ['--model', model]
  for (const [args, status, message] of [
    [[...given, '--examples', at('none.csv')], 2, /DATA_FILE: .*none\.csv/],
    [[...given, '--examples', at('empty.csv')], 2, /DATA_CSV: .*the file is empty/],
    [[...given, '--examples', at('header.csv')], 2, /PREDICT_EMPTY: .*header\.csv has no examples/],
    [[...given, '--examples', at('words.csv')], 2, /DATA_CSV: .*line 2, column pulse: 'fast'/],
    [[...given, ...columns.slice(0, -1), 'age'], 2, /PREDICT_COLUMNS: .*shape \[1\], and the model takes \[2\]/],
    [[...given, ...columns.slice(0, -1), 'height'], 2, /DATA_CSV_COLUMN: .*'height'/],
    [[...given, ...data, '--id', 'patient'], 2, /OPTION_UNUSED: --id has no effect without --examples/],
    [[...given, ...data, '--round', '2'], 2, /OPTION_UNUSED: --round has no effect with --model/],
    [[...given, ...columns, '--set', 'kind=label'], 2, /WEIGHTS_MISMATCH: .*\[2,1\], but has \[2,3\]/],
    [['--model', at('none'), ...columns], 2, /WEIGHTS_FILE: .*none/],
    [columns, 2, /OPTION_VALUE: --model expects an address, or --job .* neither/],
    [[...given, ...columns, '-o', 'yaml'], 2, /OPTION_VALUE: --output expects json/],
    [[...given, ...columns, '-O', at('none/out.csv')], 1, /FILE_UNWRITABLE: .*out\.csv/],
    [[...given, ...columns, '-O', at('new.csv')], 2, /FILE_EXISTS: .*new\.csv/],
  ] as const) {
    const found = await predict(...args)
    t.is(found.status, status, found.err)
    t.regex(found.err, message)
    t.is(found.out, '')
  }
  t.deepEqual(await readdir(at('.')), before)
  const unable = await runFlamectl(['predict', 'examples/trivial', ...given, ...columns])
  t.is(unable.status, 2)
  t.regex(unable.err, /PREDICT_UNABLE: .*trivial/)
  const saved = await predict(...given, ...columns, '-O', at('new.csv'), '--force')
  t.is(saved.out, `predictions for 2 examples written to ${at('new.csv')}\n`)
  t.regex(await readFile(at('new.csv'), 'utf8'), /^id,class,/)
})

test('a standard output without room is told', async (t) => {
  if (process.platform !== 'linux') return t.pass('there is no such file')
  await using staged = await stage()
  const { model, columns } = staged
  await using full = await open('/dev/full', 'w')
  const child = spawn(process.execPath, [main, 'predict', workload, '--model', model, ...columns], {
    stdio: ['ignore', full.fd, 'pipe'],
  })
  let told = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (told += text))
  const [status]: unknown[] = await once(child, 'close')
  t.is(status, 1)
  t.regex(told, /FILE_UNWRITABLE: standard output cannot be written: the disk is full/)
})
