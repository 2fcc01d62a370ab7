var n=t=>t!=="RUNNING"&&t!=="QUEUED",e=t=>(t.type??"openrouter")==="openrouter";export{n as a,e as b};
