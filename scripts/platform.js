// Prints the path of another platform's program for tests; installs the program if it is missing:
// `node scripts/platform.js node-22`, `node scripts/platform.js chromium`.
import { chromium } from './platform/chromium.js'
import { nodeOfVersion } from './platform/node.js'
import { SetupError } from './setup/errors.js'
import { main } from './setup/run.js'

const platforms = {
  'node-20': () => nodeOfVersion(20),
  'node-22': () => nodeOfVersion(22),
  'node-24': () => nodeOfVersion(24),
  chromium,
}

main(() => {
  const given = process.argv[2] ?? ''
  const find = platforms[given]
  if (!find) throw new SetupError('SETUP_UNKNOWN', { given, known: Object.keys(platforms).join(', ') })
  console.log(find())
})
