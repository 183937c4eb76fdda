import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { quotaNames } from '../../actors/model/index.ts'
import { defaultConfig, defaultEndpoint, type GlobalOptions } from '../command-context.ts'
import { onStopSignals } from '../exit.ts'
import { defaultFolder, keyFileIn } from '../state-folder.ts'
import {
  brokerSetting,
  localFlameletsOf,
  modelsSettingOf,
  quotasOf,
  type RawUpOptions,
  tlsFilesOf,
  wholeNumberOf,
  workerSettings,
} from './up-options.ts'

const logLevels = ['debug', 'info', 'warn', 'error', 'silent']

/** `flamectl up`: runs the whole control plane in this process until a signal stops it. */
export function upCommand(): Command {
  return new Command('up')
    .description('start the control plane in this process')
    .option('--host <address>', 'address on which the server listens', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 chooses a free one', '10100')
    .option('--store <folder or URL>', 'place of the state: a folder, or mongodb://host:port/database', defaultFolder)
    .option(
      '--in-process',
      "run each job, and so its design's code, in a process of its own on this machine; always where callers are not asked for a token",
    )
    .option('--no-in-process', 'leave all jobs to flamelets')
    .option(
      '--hosts <processes:number>',
      'start so many flamelets on this machine for tasks with data that lie nowhere else, and keep them running',
    )
    .option(
      '--data <folder or name=path...>',
      'what jobs on this machine may read where callers are asked for a token; with a name, the data for which a workload asks by that name',
    )
    .option('--auth', 'ask callers for a token; always where other machines can reach it')
    .option(
      '--shared',
      'let other accounts of this machine in: to the server, where callers are not asked for a token, and to its files',
    )
    .option(
      '--compute-admins <user...>',
      "where callers are asked for a token: whose computes may run everybody's tasks",
    )
    .option('--key-file <file>', 'file of the keys that sign tokens', keyFileIn(defaultFolder))
    .option('--tls-cert <file>', "the server's certificate in PEM: it then speaks https, and wss for flamelets")
    .option('--tls-key <file>', 'the private key of the certificate; changed files are used without a restart')
    .option('--client-ca <file>', 'authorities: callers and flamelets need a certificate of theirs')
    .option('--cors <origin...>', 'origins of web pages that may send requests, for example https://example.org')
    .option(
      '--max-code <megabytes>',
      "largest archive of a design's code; its files may have ten times as many megabytes",
      '10',
    )
    .option('--max-body <megabytes>', 'largest request in JSON', '4')
    .option('--max-tasks <number>', 'most tasks of a job', '100000')
    .option(
      '--forget-ended',
      "drop snapshots and journals of a job's roles when the job has ended: a later start of the job, or further rounds, begin anew",
    )
    .option(
      '--quota <name=most...>',
      `most things of each user, of ${quotaNames.join(', ')} (or in the configuration); see flamectl get quota`,
    )
    .option(
      '--broker <sort=host...>',
      'mqtt://host:port (or mqtts://): a broker by which flamelets may join this server; mqtt=broker:1883: a broker by which workers of the original find each other (or in the configuration)',
    )
    .option('--broker-ca <file>', "certificates of the authorities that the broker's may come from")
    .option('--mqtt [port]', 'an MQTT broker in this process, by which flamelets may join; default port 1883')
    .addOption(
      new Option(
        '--registry <address>',
        'registry of the models: files:FOLDER, mlflow:http://HOST:PORT, or s3://BUCKET/PREFIX?endpoint=URL; of workers of the original alone: dummy, local, mlflow=<URI>',
      ).env('FLAME_REGISTRY'),
    )
    .option(
      '--keep <which>',
      'rounds whose models stay, of jobs that do not say: all, or a list such as last=5,best=1,every=10',
      'all',
    )
    .option('--upload-wait <seconds>', 'longest wait for a registry that is away at the end of a job', '300')
    .option(
      '--spool-models <number>',
      'most models of a job that wait here for a registry that is away; then the job waits (default: any number)',
    )
    .option('--image <location>', 'image of the container in which a deployer starts a flamelet')
    .addOption(
      new Option('--log-level <level>', 'least level of logs on standard error; info logs each request')
        .choices(logLevels)
        .default('warn'),
    )
    .action(async (raw: RawUpOptions, command: Command) => {
      const { config } = command.optsWithGlobals<GlobalOptions>()
      const { mostSecondsIn, readConfig } = await import('../config-file.ts')
      const settings = await readConfig(config, { optional: config === defaultConfig })
      const workers = workerSettings(raw, settings)
      const models = modelsSettingOf(raw)
      const tls = tlsFilesOf(raw)
      const links = await brokerSetting(raw, process.env)
      const quotas = quotasOf(raw, settings)
      const localFlamelets = localFlameletsOf(raw)
      const port = wholeNumberOf('--port', raw.port, 0, 65_535)
      const archiveBytes = wholeNumberOf('--max-code', raw.maxCode, 1, 1000) * 1024 * 1024
      const jsonBytes = wholeNumberOf('--max-body', raw.maxBody, 1, 1000) * 1024 * 1024
      const mostTasks = wholeNumberOf('--max-tasks', raw.maxTasks, 1, 10_000_000)
      const { openControlPlane } = await import('./open-control-plane.ts')
      const server = await openControlPlane({
        ...raw,
        ...mostSecondsIn(settings),
        port,
        archiveBytes,
        jsonBytes,
        mostTasks,
        workers,
        models,
        quotas,
        localFlamelets,
        ...(tls ? { tls } : {}),
        ...(links ? { links } : {}),
      })
      const endpoint = server.url === defaultEndpoint ? '' : ` --endpoint ${server.url}`
      console.log(`control plane at ${server.url}, its state in ${server.state}`)
      console.log(`  flamectl${endpoint} create design <designId>    and so on; see flamectl --help`)
      if (server.asksForTokens)
        console.log(`  export FLAME_TOKEN=$(flamectl token <user> --key-file ${resolve(raw.keyFile)})`)
      if (server.hostsForeignCode)
        console.log(
          "  every user's code may run on this machine, under this account, with the least rights that Node gives: it can use the network and this account's share of processor, memory and disk",
        )
      if (server.broker !== undefined) console.log(`  flamelets may join over MQTT, too: ${server.broker}`)
      if (server.isShared)
        console.log('  every account of this machine may use it, and so run code as this one; --auth asks for tokens')
      for (const note of server.notes) console.error(`  ${note}`)
      console.log('  Ctrl-C stops it')
      await new Promise<void>((resolve) => onStopSignals(() => resolve()))
      await server.close()
    })
}
