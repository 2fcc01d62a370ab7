var e=t=>t!=="RUNNING"&&t!=="QUEUED",n=t=>(t.type??"openrouter")==="openrouter";export{e as a,n as b};
