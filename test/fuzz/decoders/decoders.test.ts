import test from 'ava'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { decodersIn } from './decoders.ts'
import { timeForEach } from './fuzz-decoders.ts'

const folder = await temporaryFolder()
const decoders = await decodersIn(folder.path)
test.after.always(() => folder[Symbol.asyncDispose]())

for (const { name, check } of decoders)
  test.serial(`inputs like valid ones are taken or refused by their code: ${name}`, async (t) => {
    const { fault, accepted, refused } = await check({ seed: 1, cases: 150 })
    t.is(fault, undefined, fault && `seed ${fault.seed}, path ${fault.path}: ${fault.found}`)
    // Inputs that are all refused, or all accepted, would test little.
    t.true(accepted > 0 && refused > 0, `${accepted} accepted, ${refused} refused`)
  })

test('decoders share the minutes evenly, have 5 s at least, or as many minutes each as are asked for', (t) => {
  t.is(timeForEach({ minutes: 10 }, 30), 20_000)
  t.is(timeForEach({ minutes: 1 }, 30), 5000)
  t.is(timeForEach({ minutes: 10, each: 2 }, 30), 120_000)
})
