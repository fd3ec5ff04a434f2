/** One line to send a first number, without any library. Any StatsD or Carbon client does the same. */
export type Snippet = { language: string; code: string }

export function statsdSnippets(host: string, port: string): Snippet[] {
  return [
    { language: 'Shell', code: `echo -n "demo.visits:1|c" > /dev/udp/${host}/${port}` },
    { language: 'Python', code: `import socket\nsocket.socket(type=socket.SOCK_DGRAM).sendto(b"demo.visits:1|c", ("${host}", ${port}))` },
    { language: 'Node', code: `const udp = require('dgram').createSocket('udp4')\nudp.send('demo.visits:1|c', ${port}, '${host}', () => udp.close())` },
    { language: 'Go', code: `conn, _ := net.Dial("udp", "${host}:${port}")\nfmt.Fprint(conn, "demo.visits:1|c")` },
    { language: 'Ruby', code: `require 'socket'\nUDPSocket.new.send('demo.visits:1|c', 0, '${host}', ${port})` },
    { language: 'PHP', code: `fwrite(fsockopen('udp://${host}', ${port}), 'demo.visits:1|c');` },
    {
      language: 'Java',
      code: `var bytes = "demo.visits:1|c".getBytes();\nnew DatagramSocket().send(new DatagramPacket(bytes, bytes.length, InetAddress.getByName("${host}"), ${port}));`,
    },
    { language: 'Rust', code: `let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;\nsocket.send_to(b"demo.visits:1|c", "${host}:${port}")?;` },
  ]
}

export function carbonSnippets(host: string, port: string): Snippet[] {
  return [
    { language: 'Shell', code: `echo "demo.temperature 21.5 $(date +%s)" > /dev/tcp/${host}/${port}` },
    { language: 'Python', code: `import socket, time\nsocket.create_connection(("${host}", ${port})).sendall(f"demo.temperature 21.5 {int(time.time())}\\n".encode())` },
    { language: 'collectd', code: `LoadPlugin write_graphite\n<Plugin write_graphite>\n  <Node "bellwether">\n    Host "${host}"\n    Port "${port}"\n  </Node>\n</Plugin>` },
  ]
}
