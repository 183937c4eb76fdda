import test from 'ava'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { decodersIn } from './decoders.ts'

const folder = await temporaryFolder()
const decoders = await decodersIn(folder.path)
test.after.always(() => folder[Symbol.asyncDispose]())

for (const { name, check } of decoders)
  test.serial(`inputs like valid ones are taken or refused by their code: ${name}`, async (t) => {
    const { fault, accepted, refused } = await check({ seed: 1, cases: 150 })
    t.is(fault, undefined, fault && `seed ${fault.seed}, path ${fault.path}: ${fault.found}`)
    // Inputs that are all refused, or all taken, would show little.
    t.true(accepted > 0 && refused > 0, `${accepted} accepted, ${refused} refused`)
  })
