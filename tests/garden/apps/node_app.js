// For the http module of node: node node_app.js PORT
'use strict';
const http = require('node:http');

const server = http.createServer({ maxHeaderSize: 131072 }, (request, response) => {
  let length = 0;
  request.on('data', (piece) => { length += piece.length; });
  request.on('end', () => {
    response.setHeader('X-Seen', JSON.stringify([request.method, request.url, length]));
    response.setHeader('Content-Length', 0);
    response.end();
  });
});
server.maxHeadersCount = 0;
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 1024 });
