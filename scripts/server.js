// Prints the command that runs a server for tests, as JSON; installs the server if it is missing:
// `node scripts/server.js mongodb`, or `mosquitto`, `mlflow`, `versitygw`.
import { mlflow } from './server/mlflow.js'
import { mosquitto } from './server/mosquitto.js'
import { secantus } from './server/secantus.js'
import { versitygw } from './server/versitygw.js'
import { SetupError } from './setup/errors.js'
import { main } from './setup/run.js'

const servers = { mongodb: secantus, mosquitto, mlflow, versitygw }

main(() => {
  const given = process.argv[2] ?? ''
  const find = servers[given]
  if (!find) throw new SetupError('SETUP_UNKNOWN', { given, known: Object.keys(servers).join(', ') })
  console.log(JSON.stringify(find()))
})
